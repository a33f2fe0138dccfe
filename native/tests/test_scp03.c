/* SPDX-License-Identifier: Apache-2.0
 * SCP03. The known answers are of tests/vectors/scp03.json, where it is said whence they come; the rest plays the card with
 * the keys that the structure shows. */
#include "harness.h"
#include "zc.h"

typedef struct {
    const char *enc, *mac, *host, *update, *authenticate, *command, *response;
} session;

static const char plain_answer[] = "bf3e125a1089882119900000000000000000000005";
static const session recorded[] = {
    {"000102030405060708090a0b0c0d0e0f", "101112131415161718191a1b1c1d1e1f", "fdf38259a1e0de44",
     "000000000000000000003003703b1aca81e821f219081cdc01c26b372d000003", "84823300108c36f96bcc00724a4e13ad591d7da3f0",
     "267a85dfe4a98fca6fb0527e0dfecce4914e40401433c87f",
     "f3ba2b1013aa6224f5e1c138d71805c569e5439b47576260b75fc021b25097cb2e68f8a0144975b9"},
    {"000102030405060708090a0b0c0d0e0f0001020304050607", "101112131415161718191a1b1c1d1e1f1011121314151617",
     "9b3f2eef0e8c9374", "00000000000000000000310370f6bb305a15bae1a68f79fb08212fbed7000002",
     "84823300109100bc22d58b45b86a26365ce39ff3cf", "8f7f946c84f70d17994bc6e8791251bb1bb1bf02cf8de589",
     "c05176c1b6f72aae50c32cbee63b0e95998928fd4dfb2be9f27ffde8c8476f5909b4805cc4039599"},
    {"000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f",
     "101112131415161718191a1b1c1d1e1f101112131415161718191a1b1c1d1e1f", "97b2055fe58599fd",
     "00000000000000000000320370a8439a22cedf045fa9f1903b2834f26e000002", "8482330010508a0fd959d2e547c6b33154a6be2057",
     "7a5ef717eaf1e135ae92fe54429d0e465decda65f5fe5aea",
     "ea90dbfa648a67c5eb6abc57f8530b97d0cd5647c5e8732016b55203b078dd2ace7f8bc5d1c1cd99"},
};

static uint32_t flags; /* of the run under way */

static void same(const uint8_t *got, size_t got_length, const char *want_text)
{
    size_t length;
    uint8_t *want = hex(want_text, &length);

    EQUAL(got_length, length);
    CHECK(got_length == length && memcmp(got, want, length) == 0);
    free(want);
}

static zc_status begin(zc_scp03 *channel, const session *s, int spoil)
{
    size_t key_length, size, update_length;
    uint8_t *enc = hex(s->enc, &key_length), *mac = hex(s->mac, &key_length), *host = hex(s->host, &size);
    uint8_t *text = hex(s->update, &update_length), *update = exactly(text, update_length);
    zc_status status;

    if (spoil >= 0)
        update[spoil] ^= 1;
    status = zc_scp03_begin(channel, enc, mac, key_length, flags, host, size, update, update_length);
    free(enc);
    free(mac);
    free(host);
    free(text);
    free(update);
    return status;
}

static void recorded_sessions(void)
{
    for (size_t i = 0; i < sizeof recorded / sizeof recorded[0]; i++) {
        const session *s = &recorded[i];
        zc_command command = {0x80, 0xE2, 0x91, 0x00, 0, 0, 6, 256};
        uint8_t data[6 + ZC_SM_OVERHEAD] = {0xBF, 0x3E, 0x03, 0x5C, 0x01, 0x5A}, out[ZC_SCP03_AUTHENTICATE_MAX];
        zc_scp03 channel;
        size_t length;
        uint8_t *response = hex(s->response, &length);

        EQUAL(begin(&channel, s, -1), ZC_OK);
        size_t written;
        EQUAL(zc_scp03_authenticate(&channel, 0x33, out, &written), ZC_OK);
        same(out, written, s->authenticate);
        EQUAL(zc_scp03_wrap(&channel, &command, data, sizeof data), ZC_OK);
        EQUAL(command.cla, 0x84);
        EQUAL(command.ne, 256);
        same(data, command.nc, s->command);
        EQUAL(zc_scp03_unwrap(&channel, response, &length, 0x9000), ZC_OK);
        same(response, length, plain_answer);
        zc_scp03_close(&channel);
        free(response);
    }
}

static void a_card_with_other_keys_is_refused(void)
{
    zc_scp03 channel;
    static const zc_scp03 closed;
    uint8_t out[ZC_SCP03_AUTHENTICATE_MAX];
    size_t length;

    EQUAL(begin(&channel, &recorded[0], 13), ZC_E_CRYPTOGRAM);
    EQUAL(begin(&channel, &recorded[0], 28), ZC_E_CRYPTOGRAM);
    CHECK(memcmp(&channel, &closed, sizeof channel) == 0);
    EQUAL(zc_scp03_authenticate(&channel, 0x33, out, &length), ZC_E_CLOSED);
    EQUAL(begin(&channel, &recorded[0], 11), ZC_E_PROTOCOL);
}

static void an_answer_of_another_length_is_refused(void)
{
    static const uint8_t key[16], challenge[16];
    uint8_t update[64] = {[11] = 0x03};
    zc_scp03 channel;

    for (size_t size = 8; size <= 16; size += 8)
        for (size_t length = 0; length <= sizeof update; length++) {
            uint8_t *exact = exactly(update, length);
            size_t whole = 13 + 2 * size;
            zc_status want = length < whole ? ZC_E_TRUNCATED : length == whole || length == whole + 3 ? ZC_E_CRYPTOGRAM : ZC_E_TRAILING;

            EQUAL(zc_scp03_begin(&channel, key, key, 16, flags, challenge, size, exact, length), want);
            free(exact);
        }
    EQUAL(zc_scp03_begin(&channel, key, key, 16, flags, challenge, 12, update, 29), ZC_E_RANGE);
}

/* ---- a card that answers whatever the test wants ------------------------------------------------------------------- */

static void open_channel(zc_scp03 *channel, size_t size, uint8_t level)
{
    static const uint8_t enc[16] = "encryption key !", mac[16] = "authentication !", host[16] = "host challenge !";
    uint8_t update[ZC_SCP03_UPDATE_MAX] = {[11] = 0x03}, unused[16], out[ZC_SCP03_AUTHENTICATE_MAX];
    size_t length;

    memset(update + 13, 0xC4, size);
    EQUAL(zc_scp03_derive(channel, enc, mac, 16, flags, host, update + 13, size, update + 13 + size, unused), ZC_OK);
    EQUAL(zc_scp03_begin(channel, enc, mac, 16, flags, host, size, update, 13 + 2 * size), ZC_OK);
    EQUAL(zc_scp03_authenticate(channel, level, out, &length), ZC_OK);
    EQUAL(length, 5 + 2 * size);
    CHECK(memcmp(out + 5, unused, size) == 0);
}

static zc_status send(zc_scp03 *channel, uint32_t ne)
{
    zc_command command = {0x00, 0xCB, 0x3F, 0xFF, 0, 0, 0, ne};
    uint8_t data[ZC_SM_OVERHEAD];

    return zc_scp03_wrap(channel, &command, data, sizeof data);
}

/* Put the right MAC behind `length` bytes. */
static size_t protect(const zc_scp03 *channel, uint8_t *data, size_t length, uint16_t sw)
{
    uint8_t trailer[2] = {(uint8_t)(sw >> 8), (uint8_t)sw}, tag[16];
    zc_cmac cmac;

    zc_cmac_begin(&cmac);
    zc_cmac_update(&cmac, &channel->rmac, channel->chain, 16);
    zc_cmac_update(&cmac, &channel->rmac, data, length);
    zc_cmac_update(&cmac, &channel->rmac, trailer, 2);
    zc_cmac_end(&cmac, &channel->rmac, tag);
    memcpy(data + length, tag, channel->size);
    return length + channel->size;
}

static void an_empty_response_has_a_mac_too(void)
{
    for (size_t size = 8; size <= 16; size += 8) {
        uint8_t data[16];
        zc_scp03 channel;
        size_t length = 0;

        open_channel(&channel, size, 0x33);
        EQUAL(send(&channel, 0), ZC_OK);
        length = protect(&channel, data, 0, 0x9000);
        EQUAL(zc_scp03_unwrap(&channel, data, &length, 0x9000), ZC_OK);
        EQUAL(length, 0);
        EQUAL(send(&channel, 0), ZC_OK);
        EQUAL(zc_scp03_unwrap(&channel, data, &length, 0x9000), ZC_E_MAC);
        EQUAL(channel.phase, 0);
    }
}

static void a_wrong_mac_ends_the_channel(void)
{
    static const zc_scp03 closed;

    for (size_t wrong = 0; wrong < 12; wrong++) {
        uint8_t data[20] = "data";
        zc_scp03 channel;
        size_t length;

        open_channel(&channel, 8, 0x13);
        EQUAL(send(&channel, 256), ZC_OK);
        length = protect(&channel, data, 4, 0x9000);
        data[wrong] ^= 0x10;
        EQUAL(zc_scp03_unwrap(&channel, data, &length, 0x9000), ZC_E_MAC);
        EQUAL(length, 0);
        EQUAL(data[0] | data[11], 0);
        CHECK(memcmp(&channel, &closed, sizeof channel) == 0);
        EQUAL(send(&channel, 256), ZC_E_CLOSED);
    }
}

static void the_status_word_is_covered(void)
{
    uint8_t data[20] = "data";
    zc_scp03 channel;
    size_t length;

    open_channel(&channel, 8, 0x11);
    EQUAL(send(&channel, 256), ZC_OK);
    length = protect(&channel, data, 4, 0x63C2);
    EQUAL(zc_scp03_unwrap(&channel, data, &length, 0x9000), ZC_E_MAC);
}

static void an_error_comes_bare(void)
{
    uint8_t data[8] = {0};
    zc_scp03 channel;
    size_t length = 0;

    open_channel(&channel, 8, 0x33);
    EQUAL(send(&channel, 256), ZC_OK);
    EQUAL(zc_scp03_unwrap(&channel, data, &length, 0x6A82), ZC_OK);
    EQUAL(zc_scp03_unwrap(&channel, data, &length, 0x6A82), ZC_E_CLOSED);
    EQUAL(channel.phase, 2);
    EQUAL(send(&channel, 256), ZC_OK);
    length = protect(&channel, data, 0, 0x6A82);
    EQUAL(zc_scp03_unwrap(&channel, data, &length, 0x6A82), ZC_E_MAC);
}

/* Authentic, but no cipher text with padding. */
static void bad_padding_ends_the_channel(void)
{
    for (size_t kind = 0; kind < 3; kind++) {
        uint8_t data[48] = {0}, chain[16] = {[0] = 0x80, [15] = 1};
        size_t length = kind == 0 ? 15 : 16;
        zc_scp03 channel;

        open_channel(&channel, 8, 0x33);
        EQUAL(send(&channel, 256), ZC_OK);
        zc_aes_encrypt(&channel.enc, chain, chain, 1);
        data[15] = kind == 1 ? 0x81 : 0; /* 2: zeros, no mark */
        zc_aes_cbc_encrypt(&channel.enc, chain, data, data, 1);
        length = protect(&channel, data, length, 0x9000);
        EQUAL(zc_scp03_unwrap(&channel, data, &length, 0x9000), ZC_E_PADDING);
        EQUAL(channel.phase, 0);
    }
}

static void more_than_asked_is_refused_but_authentic(void)
{
    uint8_t data[20] = "data";
    zc_scp03 channel;
    size_t length;

    open_channel(&channel, 8, 0x11);
    EQUAL(send(&channel, 3), ZC_OK);
    length = protect(&channel, data, 4, 0x9000);
    EQUAL(zc_scp03_unwrap(&channel, data, &length, 0x9000), ZC_E_ANSWER_LONG);
    EQUAL(length, 0);
    EQUAL(channel.phase, 2);
}

static void a_command_of_a_chain_is_wrapped_by_itself(void)
{
    zc_scp03 channel, alone;
    uint8_t data[100] = {0}, other[100] = {0};
    zc_command part = {0x10, 0xDB, 0x3F, 0xFF, 0, 0, 3, 0}, whole = {0x00, 0xDB, 0x3F, 0xFF, 0, 0, 3, 0};

    open_channel(&channel, 8, 0x33);
    alone = channel;
    EQUAL(zc_scp03_wrap(&channel, &part, data, sizeof data), ZC_OK);
    EQUAL(zc_scp03_wrap(&alone, &whole, other, sizeof other), ZC_OK);
    EQUAL(part.cla, 0x14);
    EQUAL(whole.cla, 0x04);
    EQUAL(part.nc, whole.nc);
    CHECK(memcmp(data, other, 16) == 0);
    CHECK(memcmp(data + 16, other + 16, 8) != 0); /* the C-MAC covers the class as it is sent */
}

static void what_cannot_be_wrapped_changes_nothing(void)
{
    static const uint8_t classes[] = {0x04, 0x0C, 0x14, 0x40, 0x84, 0xC0, 0xFF};
    uint8_t data[100] = {0};
    zc_scp03 channel, before;

    open_channel(&channel, 8, 0x33);
    before = channel;
    for (size_t i = 0; i < sizeof classes; i++) {
        zc_command command = {classes[i], 0xCB, 0, 0, 0, 0, 0, 0};

        EQUAL(zc_scp03_wrap(&channel, &command, data, sizeof data), ZC_E_RANGE);
    }
    for (uint32_t nc = 65535 - 8 - 15; nc <= 65536; nc++) {
        zc_command command = {0, 0xDB, 0, 0, 0, 0, nc, 0};

        EQUAL(zc_scp03_wrap(&channel, &command, data, sizeof data), nc < 65520 ? ZC_E_CAPACITY : ZC_E_RANGE);
    }
    zc_command command = {0, 0xDB, 0, 0, 0, 0, 16, 0};
    EQUAL(zc_scp03_wrap(&channel, &command, data, 39), ZC_E_CAPACITY);
    EQUAL(command.nc, 16);
    CHECK(memcmp(&channel, &before, sizeof channel) == 0);
    EQUAL(zc_scp03_wrap(&channel, &command, data, 40), ZC_OK);
    EQUAL(command.nc, 40);
}

static void only_the_levels_of_the_standard(void)
{
    for (unsigned int level = 0; level < 256; level++) {
        uint8_t out[ZC_SCP03_AUTHENTICATE_MAX];
        zc_scp03 channel;
        size_t length;
        int exists = level == 0x01 || level == 0x03 || level == 0x11 || level == 0x13 || level == 0x33;

        EQUAL(begin(&channel, &recorded[0], -1), ZC_OK);
        EQUAL(zc_scp03_authenticate(&channel, (uint8_t)level, out, &length), exists ? ZC_OK : ZC_E_RANGE);
        EQUAL(zc_scp03_authenticate(&channel, 0x33, out, &length), exists ? ZC_E_CLOSED : ZC_OK);
    }
}

/* A class of channel 2 and one of channel 0 get the same MAC (6.2.4). */
static void the_channel_number_is_not_in_the_mac(void)
{
    zc_command first = {0x80, 0xF2, 0x20, 0x02, 0, 0, 0, 0}, second = {0x82, 0xF2, 0x20, 0x02, 0, 0, 0, 0};
    uint8_t one[ZC_SM_OVERHEAD], two[ZC_SM_OVERHEAD];
    zc_scp03 channel, copy;

    open_channel(&channel, 8, 0x01);
    copy = channel;
    EQUAL(zc_scp03_wrap(&channel, &first, one, sizeof one), ZC_OK);
    EQUAL(zc_scp03_wrap(&copy, &second, two, sizeof two), ZC_OK);
    CHECK(memcmp(one, two, 8) == 0);
    EQUAL(second.cla, 0x86);
}

int main(void)
{
    for (flags = 0; flags <= ZC_AES_PORTABLE; flags++) {
        RUN(recorded_sessions);
        RUN(a_card_with_other_keys_is_refused);
        RUN(an_answer_of_another_length_is_refused);
        RUN(an_empty_response_has_a_mac_too);
        RUN(a_wrong_mac_ends_the_channel);
        RUN(the_status_word_is_covered);
        RUN(an_error_comes_bare);
        RUN(bad_padding_ends_the_channel);
        RUN(more_than_asked_is_refused_but_authentic);
        RUN(a_command_of_a_chain_is_wrapped_by_itself);
        RUN(what_cannot_be_wrapped_changes_nothing);
        RUN(only_the_levels_of_the_standard);
        RUN(the_channel_number_is_not_in_the_mac);
    }
    return report();
}
