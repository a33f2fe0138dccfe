/* SPDX-License-Identifier: Apache-2.0
 * PIV secure messaging. There are no published sessions; the derivation is compared with an independent one in
 * tests/unit/test_piv_messaging.py, and here the card is played with the keys that the structure shows. */
#include "harness.h"
#include "sha2.h"
#include "zc.h"

static uint32_t flags; /* of the run under way */

static void same(const uint8_t *got, size_t got_length, const char *want_text)
{
    size_t length;
    uint8_t *want = hex(want_text, &length);

    EQUAL(got_length, length);
    CHECK(got_length == length && memcmp(got, want, length) == 0);
    free(want);
}

static void the_examples_of_fips_180(void)
{
    const zc_part parts[] = {{(const uint8_t *)"a", 1}, {(const uint8_t *)"bc", 2}};
    uint8_t digest[ZC_SHA2_MAX];
    size_t length = zc_sha2(0, parts, 2, digest);

    same(digest, length, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    length = zc_sha2(1, parts, 2, digest);
    same(digest, length,
         "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7");
}

/* The digest of the digests of 301 messages, of 0 to 300 bytes (reference: OpenSSL). */
static void every_length_is_padded_right(void)
{
    static const char *const want[] = {
        "3b05b530351f50663ba5ac734c246d169eafec6b57c70dc6dc94cad39d04aad8",
        "00ff192ce1d334e39d1ce94d135f2673fdd482a9f3b5bb8a86f1b38f7b7d1ccc0c1df396672e98a3d26b1bf65bfa0acf"};
    uint8_t message[300], digests[301 * ZC_SHA2_MAX], digest[ZC_SHA2_MAX];

    for (size_t i = 0; i < sizeof message; i++)
        message[i] = (uint8_t)(i * 7);
    for (int wide = 0; wide < 2; wide++) {
        size_t at = 0;

        for (size_t length = 0; length <= sizeof message; length++) {
            const zc_part part = {message, length};

            at += zc_sha2(wide, &part, 1, digests + at);
        }
        const zc_part all = {digests, at};
        same(digest, zc_sha2(wide, &all, 1, digest), want[wide]);
    }
}

/* ---- a session ------------------------------------------------------------------------------------------------------ */

static const uint8_t bytes[97] = {4, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233};

static zc_piv_parties parties(uint8_t suite)
{
    const zc_piv_parties p = {suite, 0, 0, bytes + 1, bytes + 2, bytes, bytes + 3, bytes + 4};

    return p;
}

static void open_channel(zc_piv *channel, uint8_t suite)
{
    const zc_piv_parties p = parties(suite);
    uint8_t cryptogram[16];

    EQUAL(zc_piv_derive(channel, &p, flags, cryptogram), ZC_OK);
    EQUAL(zc_piv_begin(channel, &p, flags, cryptogram), ZC_OK);
}

static void another_cryptogram_is_refused(void)
{
    static const zc_piv closed;

    for (size_t i = 0; i < 16; i++) {
        zc_piv_parties p = parties(ZC_PIV_CS7);
        uint8_t cryptogram[16];
        zc_piv channel;

        EQUAL(zc_piv_derive(&channel, &p, flags, cryptogram), ZC_OK);
        cryptogram[i] ^= 0x80;
        EQUAL(zc_piv_begin(&channel, &p, flags, cryptogram), ZC_E_CRYPTOGRAM);
        CHECK(memcmp(&channel, &closed, sizeof channel) == 0);
        p.suite = 0x28;
        EQUAL(zc_piv_begin(&channel, &p, flags, cryptogram), ZC_E_RANGE);
    }
}

static zc_status send(zc_piv *channel, uint32_t nc, uint32_t ne)
{
    zc_command command = {0x00, 0xCB, 0x3F, 0xFF, 0, 0, nc, ne};
    uint8_t data[300 + ZC_SM_OVERHEAD] = {0};

    return zc_piv_wrap(channel, &command, data, sizeof data);
}

static void the_objects_of_a_command(void)
{
    zc_command command = {0x00, 0xCB, 0x3F, 0xFF, 0, 0, 5, 256};
    uint8_t data[5 + ZC_SM_OVERHEAD] = {0x5C, 0x03, 0x5F, 0xC1, 0x05};
    zc_piv channel;

    open_channel(&channel, ZC_PIV_CS2);
    EQUAL(zc_piv_wrap(&channel, &command, data, sizeof data), ZC_OK);
    EQUAL(command.cla, 0x0C);
    EQUAL(command.nc, 19 + 3 + 10);
    same(data, 3, "87 11 01");
    same(data + 19, 5, "97 01 00 8E 08");
    CHECK(memcmp(data + 24, channel.command_chain, 8) == 0);
    EQUAL(send(&channel, 0, 0), ZC_OK);
}

static void every_length_fits_where_it_is_said_to(void)
{
    for (uint32_t nc = 0; nc <= 300; nc++) {
        zc_command command = {0x00, 0xDB, 0x3F, 0xFF, 0, 0, nc, 0}, tried = command;
        zc_piv channel, before;
        uint8_t *data = calloc(1, nc + ZC_SM_OVERHEAD);

        open_channel(&channel, ZC_PIV_CS2);
        before = channel;
        EQUAL(zc_piv_wrap(&channel, &command, data, nc + ZC_SM_OVERHEAD), ZC_OK);
        CHECK(command.nc <= nc + ZC_SM_OVERHEAD);
        channel = before;
        EQUAL(zc_piv_wrap(&channel, &tried, data, command.nc - 1), ZC_E_CAPACITY);
        CHECK(memcmp(&channel, &before, sizeof channel) == 0);
        free(data);
    }
}

/* `objects`, with the right checksum behind. */
static size_t answer(const zc_piv *channel, const char *objects, uint8_t *out)
{
    size_t length;
    uint8_t *head = hex(objects, &length), tag[16];
    zc_cmac cmac;

    memcpy(out, head, length);
    zc_cmac_begin(&cmac);
    zc_cmac_update(&cmac, &channel->rmac, channel->response_chain, 16);
    zc_cmac_update(&cmac, &channel->rmac, out, length);
    zc_cmac_end(&cmac, &channel->rmac, tag);
    out[length] = 0x8E;
    out[length + 1] = 8;
    memcpy(out + length + 2, tag, 8);
    free(head);
    return length + 10;
}

static void the_protected_status_word_counts(void)
{
    uint8_t data[64];
    uint16_t sw = 0x9000;
    zc_piv channel;
    size_t length;

    open_channel(&channel, ZC_PIV_CS2);
    EQUAL(send(&channel, 8, 0), ZC_OK);
    length = answer(&channel, "99 02 63C2", data);
    EQUAL(zc_piv_unwrap(&channel, data, &length, &sw), ZC_OK);
    EQUAL(length, 0);
    EQUAL(sw, 0x63C2);
    EQUAL(zc_piv_unwrap(&channel, data, &length, &sw), ZC_E_CLOSED);
    EQUAL(send(&channel, 8, 0), ZC_OK);
}

static void every_changed_byte_ends_the_session(void)
{
    for (size_t wrong = 0; wrong < 14; wrong++) {
        uint8_t data[64];
        uint16_t sw = 0x9000;
        zc_piv channel;
        size_t length;

        open_channel(&channel, ZC_PIV_CS2);
        EQUAL(send(&channel, 0, 256), ZC_OK);
        length = answer(&channel, "99 02 9000", data);
        EQUAL(length, 14);
        data[wrong] ^= 1;
        EQUAL(zc_piv_unwrap(&channel, data, &length, &sw), ZC_E_MAC);
        EQUAL(channel.phase, 0);
        EQUAL(send(&channel, 0, 256), ZC_E_CLOSED);
    }
}

/* Authentic or not: other objects, or an order that is not the standard's. */
static void other_objects_end_the_session(void)
{
    static const char *const wrong[] = {"", "99 01 90", "99 03 900000", "99 02 9000 99 02 9000", "97 02 9000",
                                        "99 02 9000 87 01 01", "53 00 99 02 9000", "99 02", "87 01 01 97 00 99 02 9000"};

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uint8_t data[64];
        uint16_t sw = 0x9000;
        zc_piv channel;
        size_t length;

        open_channel(&channel, ZC_PIV_CS2);
        EQUAL(send(&channel, 0, 256), ZC_OK);
        length = answer(&channel, wrong[i], data);
        uint8_t *exact = exactly(data, length);
        EQUAL(zc_piv_unwrap(&channel, exact, &length, &sw), ZC_E_MAC);
        free(exact);
    }
}

static void authentic_but_not_padded_ends_the_session(void)
{
    static const char *const wrong[] = {"87 00 99 02 9000", "87 01 01 99 02 9000", "87 02 0100 99 02 9000",
                                        "87 11 02 00000000000000000000000000000000 99 02 9000",
                                        "87 11 01 00000000000000000000000000000000 99 02 9000"};

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uint8_t data[64];
        uint16_t sw = 0x9000;
        zc_piv channel;
        size_t length;

        open_channel(&channel, ZC_PIV_CS2);
        EQUAL(send(&channel, 0, 256), ZC_OK);
        length = answer(&channel, wrong[i], data);
        EQUAL(zc_piv_unwrap(&channel, data, &length, &sw), ZC_E_PADDING);
        EQUAL(channel.phase, 0);
    }
}

static void a_bare_refusal_ends_the_session(void)
{
    uint8_t data[1] = {0};
    uint16_t sw = 0x6988;
    zc_piv channel;
    size_t length = 0;

    open_channel(&channel, ZC_PIV_CS2);
    EQUAL(send(&channel, 0, 0), ZC_OK);
    EQUAL(zc_piv_unwrap(&channel, data, &length, &sw), ZC_OK);
    EQUAL(sw, 0x6988);
    EQUAL(channel.phase, 0);
    open_channel(&channel, ZC_PIV_CS2);
    EQUAL(send(&channel, 0, 0), ZC_OK);
    sw = 0x9000;
    EQUAL(zc_piv_unwrap(&channel, data, &length, &sw), ZC_E_MAC);
}

int main(void)
{
    RUN(the_examples_of_fips_180);
    RUN(every_length_is_padded_right);
    for (flags = 0; flags <= ZC_AES_PORTABLE; flags++) {
        RUN(another_cryptogram_is_refused);
        RUN(the_objects_of_a_command);
        RUN(every_length_fits_where_it_is_said_to);
        RUN(the_protected_status_word_counts);
        RUN(every_changed_byte_ends_the_session);
        RUN(other_objects_end_the_session);
        RUN(authentic_but_not_padded_ends_the_session);
        RUN(a_bare_refusal_ends_the_session);
    }
    return report();
}
