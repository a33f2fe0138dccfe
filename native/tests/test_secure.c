/* SPDX-License-Identifier: Apache-2.0
 * Exchanges under secure messaging: wrapped as a whole, cut, put together, and unwrapped as a whole. The card is played with the
 * keys that the structure shows. */
#include "harness.h"
#include "zc.h"

enum { LEVEL = 0x13, DATA = 300, PARTS = 7 };

static uint8_t data[DATA + ZC_SM_OVERHEAD], answer[1000], out[DATA + ZC_COMMAND_SHORT_MAX], work[4000];

static void open_scp03(zc_secure *secure)
{
    static const uint8_t key[16] = "encryption key !", host[8] = "host ch";
    uint8_t update[29] = {[11] = 0x03}, unused[16], sent[ZC_SCP03_AUTHENTICATE_MAX];
    zc_scp03 *channel = &secure->of.scp03;
    size_t length;

    memset(secure, 0, sizeof *secure);
    secure->kind = ZC_SECURE_SCP03;
    EQUAL(zc_scp03_derive(channel, key, key, 16, 0, host, update + 13, 8, update + 21, unused), ZC_OK);
    EQUAL(zc_scp03_begin(channel, key, key, 16, 0, host, 8, update, sizeof update), ZC_OK);
    EQUAL(zc_scp03_authenticate(channel, LEVEL, sent, &length), ZC_OK);
}

static void open_piv(zc_secure *secure)
{
    static const uint8_t point[65] = {4};
    const zc_piv_parties parties = {ZC_PIV_CS2, 0, 0, point, point, point, point, point};
    uint8_t cryptogram[16];

    memset(secure, 0, sizeof *secure);
    secure->kind = ZC_SECURE_PIV;
    EQUAL(zc_piv_derive(&secure->of.piv, &parties, 0, cryptogram), ZC_OK);
}

static void mac(const zc_aes *key, const uint8_t *chain, const uint8_t *bytes, size_t length, uint8_t *tag)
{
    zc_cmac cmac;

    zc_cmac_begin(&cmac);
    zc_cmac_update(&cmac, key, chain, 16);
    zc_cmac_update(&cmac, key, bytes, length);
    zc_cmac_end(&cmac, key, tag);
}

/* What the card of the channel answers to the command wrapped last: `bytes`, authenticated, and 9000. Returns its length. */
static size_t authentic(const zc_secure *secure, const char *bytes, uint8_t *response)
{
    size_t length = strlen(bytes), mark = length;
    uint8_t tag[16];

    memcpy(response, bytes, length);
    if (secure->kind == ZC_SECURE_SCP03) {
        memcpy(response + length, "\x90", 2);
        mac(&secure->of.scp03.rmac, secure->of.scp03.chain, response, length + 2, tag);
    } else {
        memcpy(response, "\x99\x02\x90\x00", 5);
        mac(&secure->of.piv.rmac, secure->of.piv.response_chain, response, length = 4, tag);
        memcpy(response + 4, "\x8E\x08", 2);
        mark = 6;
    }
    memcpy(response + mark, tag, 8);
    memcpy(response + mark + 8, "\x90", 2);
    return mark + 10;
}

static zc_status begin(zc_exchange *x, zc_secure *secure, uint32_t nc, uint8_t form, size_t *length)
{
    const zc_command command = {0x00, 0xDB, 0x3F, 0xFF, form, 0, nc, 256};

    memset(data, 0xDA, sizeof data);
    return zc_exchange_begin_secure(x, secure, &command, data, nc + ZC_SM_OVERHEAD, sizeof answer, out, sizeof out, length);
}

static void a_chain_out_and_parts_back(void)
{
    zc_secure secure, before;
    uint8_t response[64], piece[16];
    zc_exchange x;
    size_t length, whole;

    open_scp03(&secure);
    before = secure;
    EQUAL(begin(&x, &secure, DATA, ZC_SHORT, &length), ZC_OK);
    EQUAL(secure.of.scp03.counter, before.of.scp03.counter + 1);
    EQUAL(x.command.nc, 304 + 8);
    EQUAL(out[0], 0x14);
    EQUAL(zc_exchange_feed(&x, &secure, data, (const uint8_t *)"\x90", 2, answer, out, sizeof out, &length), ZC_MORE);
    EQUAL(out[0], 0x04);
    EQUAL(length, 4 + 1 + (304 + 8 - 255) + 1);
    whole = authentic(&secure, "an answer", response);
    memcpy(piece, response, PARTS);
    memcpy(piece + PARTS, "\x61\x0A", 2);
    EQUAL(zc_exchange_feed(&x, &secure, data, piece, PARTS + 2, answer, out, sizeof out, &length), ZC_MORE);
    CHECK(length == 5 && memcmp(out, "\x00\xC0\x00\x00\x0A", 5) == 0);
    EQUAL(zc_exchange_feed(&x, &secure, data, response + PARTS, whole - PARTS, answer, out, sizeof out, &length), ZC_OK);
    EQUAL(x.received, 9);
    EQUAL(x.sw, 0x9000);
    CHECK(memcmp(answer, "an answer", 9) == 0);
}

/* Of PIV the protected one, whatever stands outside. */
static void the_status_word_is_the_protected_one(void)
{
    zc_secure secure;
    uint8_t response[64];
    zc_exchange x;
    size_t length, whole;

    open_piv(&secure);
    EQUAL(begin(&x, &secure, 5, ZC_SHORT, &length), ZC_OK);
    EQUAL(out[0], 0x0C);
    whole = authentic(&secure, "", response);
    memcpy(response + whole - 2, "\x62\x82", 2);
    EQUAL(zc_exchange_feed(&x, &secure, data, response, whole, answer, out, sizeof out, &length), ZC_OK);
    EQUAL(x.received, 0);
    EQUAL(x.sw, 0x9000);
}

static void what_is_not_authentic_is_no_answer(void)
{
    for (size_t spoilt = 0; spoilt < 17; spoilt++) {
        uint8_t response[64];
        zc_secure secure;
        zc_exchange x;
        size_t length, whole;

        open_scp03(&secure);
        EQUAL(begin(&x, &secure, 5, ZC_SHORT, &length), ZC_OK);
        whole = authentic(&secure, "an answer", response);
        response[spoilt] ^= 0x20;
        memset(answer, 0xAA, sizeof answer);
        EQUAL(zc_exchange_feed(&x, &secure, data, response, whole, answer, out, sizeof out, &length), ZC_E_MAC);
        EQUAL(x.received, 0);
        EQUAL(secure.of.scp03.phase, 0);
        CHECK(memchr(answer, 'a', 9) == NULL);
        EQUAL(zc_exchange_feed(&x, &secure, data, response, whole, answer, out, sizeof out, &length), ZC_E_FINISHED);
        EQUAL(begin(&x, &secure, 5, ZC_SHORT, &length), ZC_E_CLOSED);
        EQUAL(zc_exchange_feed(&x, &secure, data, response, whole, answer, out, sizeof out, &length), ZC_E_FINISHED);
    }
}

static void of_a_closed_channel_nothing_comes(void)
{
    zc_secure nothing = {0};
    uint8_t bytes[] = "plain";
    size_t count = 5;
    uint16_t sw = 0x9000;

    EQUAL(zc_secure_unwrap(&nothing, bytes, &count, &sw), ZC_E_CLOSED);
    EQUAL(count, 0);
    CHECK(memcmp(bytes, "\0\0\0\0\0", 5) == 0);
}

static void it_takes_the_channel_it_was_begun_with(void)
{
    static zc_secure nothing;
    zc_secure secure;
    zc_exchange x;
    size_t length;

    EQUAL(begin(&x, &nothing, 5, ZC_SHORT, &length), ZC_E_CLOSED);
    open_scp03(&secure);
    EQUAL(begin(&x, &secure, 5, ZC_SHORT, &length), ZC_OK);
    EQUAL(zc_exchange_feed(&x, NULL, data, (const uint8_t *)"\x69\x82", 2, answer, out, sizeof out, &length), ZC_E_CLOSED);
}

static void too_little_room_wraps_nothing(void)
{
    const zc_command command = {0x00, 0xDB, 0x3F, 0xFF, ZC_EITHER, 0, DATA, 256};
    zc_secure secure, before;
    zc_exchange x;
    size_t length;

    open_scp03(&secure);
    before = secure;
    EQUAL(zc_exchange_begin_secure(&x, &secure, &command, data, sizeof data, 1000, out, sizeof out - 1, &length), ZC_E_CAPACITY);
    EQUAL(zc_exchange_begin_secure(&x, &secure, &command, data, sizeof data, 1000, out, 260, &length), ZC_E_CAPACITY);
    EQUAL(zc_exchange_begin_secure(&x, &secure, &command, data, DATA + 11, 1000, out, sizeof out, &length), ZC_E_CAPACITY);
    CHECK(memcmp(&secure, &before, sizeof secure) == 0);
    EQUAL(zc_exchange_begin_secure(&x, &secure, &command, data, sizeof data, 1000, out, sizeof out, &length), ZC_OK);
}

/* A refused extended command goes again as a chain, wrapped once. */
static void falling_back_wraps_once(void)
{
    zc_secure secure;
    uint64_t counter;
    uint8_t first[20];
    zc_exchange x;
    size_t length;

    open_scp03(&secure);
    EQUAL(begin(&x, &secure, DATA, ZC_EITHER, &length), ZC_OK);
    EQUAL(length, 7 + 312 + 2);
    memcpy(first, out + 7, sizeof first);
    counter = secure.of.scp03.counter;
    EQUAL(zc_exchange_feed(&x, &secure, data, (const uint8_t *)"\x67", 2, answer, out, sizeof out, &length), ZC_MORE);
    EQUAL(length, 5 + 255);
    CHECK(memcmp(first, out + 5, sizeof first) == 0);
    EQUAL(secure.of.scp03.counter, counter);
}

/* ---- carried in one call -------------------------------------------------------------------------------------------- */

typedef struct {
    zc_secure *secure;
    uint32_t count, cancel, cancel_at, fail_at;
    uint8_t sent[300];
} card;

/* 9000 to the parts of a chain; then an authentic answer, a byte of it first. */
static uint32_t transmit(void *carrier, const uint8_t *command, size_t command_length, uint8_t *response, size_t capacity,
                         size_t *response_length)
{
    static uint8_t whole[64];
    card *c = carrier;

    if (++c->count == c->fail_at)
        return 0x80100016;
    if (c->count == c->cancel_at)
        c->cancel = 1;
    CHECK(capacity >= 64);
    memcpy(response, "\x90", 2);
    *response_length = 2;
    if (command[0] & 0x10)
        return 0;
    if (command[1] == 0xC0) {
        *response_length = authentic(c->secure, "an answer", whole) - 1;
        memcpy(response, whole + 1, *response_length);
        return 0;
    }
    memcpy(c->sent, command, command_length < sizeof c->sent ? command_length : sizeof c->sent);
    memcpy(response, "a\x61", 3);
    *response_length = 3;
    return 0;
}

static zc_job job_of(card *c, uint32_t nc)
{
    zc_job job = {.command = {.ins = 0xDB, .nc = nc, .ne = 256}, .data = data, .limit = sizeof answer, .answer = answer,
                  .work = work, .work_size = sizeof work, .secure = c->secure, .cancel = &c->cancel};

    return job;
}

static void a_whole_command_in_one_call(void)
{
    zc_secure secure;
    card c = {.secure = &secure};
    zc_job job = job_of(&c, DATA);

    open_scp03(&secure);
    memset(data, 0x11, sizeof data);
    EQUAL(zc_carry(&job, transmit, &c), ZC_OK);
    EQUAL(job.sent, 3);
    EQUAL(job.received, 9);
    CHECK(memcmp(answer, "an answer", 9) == 0);
    for (size_t i = 0; i < sizeof data; i++)
        EQUAL(data[i], 0x11); /* the caller's own stay as they were */
    job.work_size = zc_work_size(&job) - 1;
    EQUAL(zc_carry(&job, transmit, &c), ZC_E_CAPACITY);
    job.command.nc = UINT32_MAX;
    EQUAL(zc_carry(&job, transmit, &c), ZC_E_RANGE);
}

static void cancelling_never_leaves_an_answer_behind(void)
{
    zc_secure secure, before;
    card early = {.secure = &secure, .cancel = 1}, late = {.secure = &secure, .cancel_at = 2};
    zc_job job = job_of(&early, DATA);

    open_scp03(&secure);
    before = secure;
    EQUAL(zc_carry(&job, transmit, &early), ZC_E_CANCELLED);
    EQUAL(job.sent, 0);
    CHECK(memcmp(&secure, &before, sizeof secure) == 0);
    job = job_of(&late, DATA);
    EQUAL(zc_carry(&job, transmit, &late), ZC_OK);
    EQUAL(job.sent, 3);
}

static void nothing_is_sent_again(void)
{
    for (uint32_t at = 1; at <= 3; at++) {
        zc_secure secure;
        card c = {.secure = &secure, .fail_at = at};
        zc_job job = job_of(&c, DATA);

        open_scp03(&secure);
        EQUAL(zc_carry(&job, transmit, &c), ZC_E_TRANSPORT);
        EQUAL(c.count, at);
    }
}

static void a_secret_is_encrypted_in_its_page(void)
{
    zc_secure secure;
    card c = {.secure = &secure};
    zc_job job = job_of(&c, 8);
    zc_secret *pin;
    zc_fill fill = {.offset = 0};

    open_scp03(&secure);
    memset(data, 0xFF, 8);
    memset(work, 0, sizeof work);
    EQUAL(zc_secret_open(6, &pin), ZC_OK);
    EQUAL(zc_secret_write(pin, 0, (const uint8_t *)"314159", 6), ZC_OK);
    fill.secret = pin;
    job.fills = &fill;
    job.fill_count = 1;
    EQUAL(zc_carry(&job, transmit, &c), ZC_OK);
    CHECK(memcmp(c.sent, "\x04\xDB\x00\x00\x18", 5) == 0);
    for (size_t i = 0; i + 6 <= 29; i++)
        CHECK(memcmp(c.sent + i, "314159", 6) != 0);
    for (size_t i = 0; i + 6 <= sizeof work; i++)
        CHECK(memcmp(work + i, "314159", 6) != 0);
    zc_secret_close(pin);
}

int main(void)
{
    RUN(a_chain_out_and_parts_back);
    RUN(the_status_word_is_the_protected_one);
    RUN(what_is_not_authentic_is_no_answer);
    RUN(of_a_closed_channel_nothing_comes);
    RUN(it_takes_the_channel_it_was_begun_with);
    RUN(too_little_room_wraps_nothing);
    RUN(falling_back_wraps_once);
    RUN(a_whole_command_in_one_call);
    RUN(cancelling_never_leaves_an_answer_behind);
    RUN(nothing_is_sent_again);
    RUN(a_secret_is_encrypted_in_its_page);
    return report();
}
