/* SPDX-License-Identifier: Apache-2.0
 * A whole command over a transport that breaks, refuses, lies and is cancelled, half of them under secure messaging: it ends,
 * nothing follows an error, and no 9000 is taken from a card that does not know the keys. */
#include "fuzz.h"
#include "zc.h"

enum { LIMIT = 700, DATA = 400, REFUSED = 7, BROKEN = 6, CANCEL = 0x40 };

static uint8_t data[DATA], answer[LIMIT], work[2 * DATA + ZC_COMMAND_SHORT_MAX + ZC_RESPONSE_MAX + 1 + ZC_SM_OVERHEAD];

typedef struct {
    reader r;
    uint32_t sent, failed, cancel;
    int chained, authentic;
    zc_secure *secure;
} card;

static void open_channel(zc_secure *secure)
{
    static const uint8_t key[16], level = 0x33;
    uint8_t update[29] = {[11] = 3}, unused[16], out[ZC_SCP03_AUTHENTICATE_MAX];
    size_t length;

    memset(secure, 0, sizeof *secure);
    secure->kind = ZC_SECURE_SCP03;
    REQUIRE(zc_scp03_derive(&secure->of.scp03, key, key, 16, 0, key, update + 13, 8, update + 21, unused) == ZC_OK);
    REQUIRE(zc_scp03_begin(&secure->of.scp03, key, key, 16, 0, key, 8, update, sizeof update) == ZC_OK);
    REQUIRE(zc_scp03_authenticate(&secure->of.scp03, level, out, &length) == ZC_OK);
}

/* `count` bytes of a response become authentic, with 9000. */
static size_t sign(const zc_scp03 *channel, uint8_t *response, size_t count)
{
    static const uint8_t trailer[2] = {0x90, 0x00};
    uint8_t tag[16];
    zc_cmac cmac;

    zc_cmac_begin(&cmac);
    zc_cmac_update(&cmac, &channel->rmac, channel->chain, 16);
    zc_cmac_update(&cmac, &channel->rmac, response, count);
    zc_cmac_update(&cmac, &channel->rmac, trailer, 2);
    zc_cmac_end(&cmac, &channel->rmac, tag);
    memcpy(response + count, tag, 8);
    memcpy(response + count + 8, trailer, 2);
    return count + 10;
}

static uint32_t transmit(void *carrier, const uint8_t *command, size_t command_length, uint8_t *response,
                         size_t capacity, size_t *response_length)
{
    static const uint8_t first[] = {0x90, 0x90, 0x61, 0x6C, 0x67, 0x90};
    card *c = carrier;
    uint8_t kind = octet(&c->r), count = octet(&c->r);
    zc_command parsed;
    size_t offset;

    REQUIRE(c->failed == 0);
    REQUIRE(zc_command_parse(command, command_length, &parsed, &offset) == ZC_OK);
    c->chained = (parsed.cla & 0x10) != 0;
    c->authentic = 0;
    if (kind & CANCEL)
        c->cancel = 1;
    if (kind % 8 == REFUSED)
        return ZC_TRANSMIT_REFUSED;
    c->sent++;
    if (kind % 8 == BROKEN)
        return c->failed = 0x80100016;
    if (kind & 0x80)
        count = (uint8_t)(count % 3);
    REQUIRE(capacity >= 2);
    if (c->secure != NULL && kind & 0x20 && capacity >= 42) {
        count %= 33;
        memset(response, count, count);
        *response_length = sign(&c->secure->of.scp03, response, count);
        c->authentic = 1;
        return 0;
    }
    if (count > capacity - 2)
        return c->failed = 0x80100008; /* as PC/SC says that a response does not fit */
    memset(response, count, count);
    response[count] = first[kind % 8];
    response[count + 1] = kind % 8 == 2 || kind % 8 == 3 ? octet(&c->r) : 0;
    *response_length = kind % 8 == 5 ? count % 2 : (size_t)count + 2;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    card c = {.r = {input, size}};
    uint8_t shape = octet(&c.r);
    zc_job job = {.command = {.cla = octet(&c.r) & 0xEF, .ins = octet(&c.r), .extended = shape % 3}, .data = data,
                  .limit = LIMIT, .answer = answer, .work = work, .cancel = &c.cancel};
    zc_secure secure;
    zc_status status;

    if (shape & 0x20) {
        open_channel(&secure);
        job.secure = c.secure = &secure;
        job.command.cla &= 0x83;
    }
    job.command.nc = number(&c.r, 2) % (DATA + 1);
    job.command.ne = shape & 0x80 ? 65536 : shape & 0x40 ? 256 : number(&c.r, 2) % 1000;
    job.work_size = zc_work_size(&job);
    REQUIRE(job.work_size <= sizeof work);
    status = zc_carry(&job, transmit, &c);
    REQUIRE(job.sent == c.sent && job.received <= LIMIT);
    REQUIRE(c.failed == 0 || (status == ZC_E_TRANSPORT && job.code == c.failed));
    REQUIRE(status != ZC_E_CANCELLED || (c.cancel != 0 && !c.chained));
    REQUIRE(status != ZC_OK || job.sent > 0);
    REQUIRE(c.secure == NULL || status != ZC_OK || job.sw != 0x9000 || c.authentic);
    return 0;
}
