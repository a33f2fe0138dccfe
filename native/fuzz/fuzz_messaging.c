/* SPDX-License-Identifier: Apache-2.0
 * max_len=200
 * A hostile card behind secure messaging, both protocols. Half of the inputs get the right MAC, so that what comes after it is
 * reached. */
#include "fuzz.h"
#include "zc.h"

enum { MOST = 160 };

static const uint8_t key[16], point[65] = {4};
static uint8_t data[MOST + 16];

/* The MAC of `chain`, `length` bytes of data and the trailer, put behind the data. */
static void sign(const zc_aes *aes, const uint8_t *chain, size_t length, size_t at, const uint8_t *trailer)
{
    uint8_t tag[16];
    zc_cmac cmac;

    zc_cmac_begin(&cmac);
    zc_cmac_update(&cmac, aes, chain, 16);
    zc_cmac_update(&cmac, aes, data, length);
    zc_cmac_update(&cmac, aes, trailer, trailer == NULL ? 0 : 2);
    zc_cmac_end(&cmac, aes, tag);
    memcpy(data + at, tag, 8);
}

static void check(zc_status status, uint8_t phase, size_t before, size_t after)
{
    REQUIRE(after <= before);
    if (status == ZC_E_MAC || status == ZC_E_PADDING)
        REQUIRE(phase == 0);
    if (status == ZC_OK || status == ZC_E_ANSWER_LONG)
        return;
    REQUIRE(after == 0);
    for (size_t i = 0; i < before; i++)
        REQUIRE(data[i] == 0);
}

static void scp03(reader *r)
{
    static const uint8_t levels[] = {0x01, 0x03, 0x11, 0x13, 0x33};
    uint8_t update[29] = {[11] = 3}, unused[16], out[ZC_SCP03_AUTHENTICATE_MAX], choice = octet(r);
    uint16_t sw = (uint16_t)number(r, 2);
    const uint8_t trailer[2] = {(uint8_t)(sw >> 8), (uint8_t)sw};
    zc_command command = {0x00, 0xCB, 0, 0, 0, 0, 0, choice & 0x40 ? 256 : 16};
    zc_scp03 channel;
    size_t length, before;
    const uint8_t *answer;
    zc_status status;

    REQUIRE(zc_scp03_derive(&channel, key, key, 16, 0, key, update + 13, 8, update + 21, unused) == ZC_OK);
    REQUIRE(zc_scp03_begin(&channel, key, key, 16, 0, key, 8, update, sizeof update) == ZC_OK);
    REQUIRE(zc_scp03_authenticate(&channel, levels[choice % 5], out, &length) == ZC_OK);
    REQUIRE(zc_scp03_wrap(&channel, &command, data, sizeof data) == ZC_OK);
    answer = bytes(r, MOST, &length);
    memcpy(data, answer, length);
    if (choice & 0x80) {
        sign(&channel.rmac, channel.chain, length, length, trailer);
        length += 8;
    }
    before = length;
    status = zc_scp03_unwrap(&channel, data, &length, sw);
    check(status, channel.phase, before, length);
}

static void piv(reader *r)
{
    const zc_piv_parties parties = {ZC_PIV_CS2, 0, 0, point, point, point, point, point};
    uint8_t unused[16], choice = octet(r);
    uint16_t sw = choice & 1 ? 0x9000 : (uint16_t)number(r, 2);
    zc_command command = {0x00, 0xCB, 0, 0, 0, 0, 0, choice & 0x40 ? 256 : 16};
    zc_piv channel;
    size_t length, before;
    const uint8_t *answer;
    zc_status status;

    REQUIRE(zc_piv_derive(&channel, &parties, 0, unused) == ZC_OK);
    REQUIRE(zc_piv_wrap(&channel, &command, data, sizeof data) == ZC_OK);
    answer = bytes(r, MOST, &length);
    memcpy(data, answer, length);
    if (choice & 0x80) {
        sign(&channel.rmac, channel.response_chain, length, length + 2, NULL);
        data[length] = 0x8E;
        data[length + 1] = 8;
        length += 10;
    }
    before = length;
    status = zc_piv_unwrap(&channel, data, &length, &sw);
    check(status, channel.phase, before, length);
}

/* The answer to INITIALIZE UPDATE is read by length alone. */
static void update(reader *r)
{
    size_t length, size = octet(r) & 1 ? 8 : 16;
    const uint8_t *answer = bytes(r, MOST, &length);
    zc_scp03 channel;
    zc_status status = zc_scp03_begin(&channel, key, key, 16, 0, key, size, answer, length);

    REQUIRE((status == ZC_OK) == (channel.phase != 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    reader r = {input, size};

    switch (octet(&r) % 3) {
    case 0: scp03(&r); break;
    case 1: piv(&r); break;
    default: update(&r); break;
    }
    return 0;
}
