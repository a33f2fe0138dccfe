/* SPDX-License-Identifier: Apache-2.0
 * A whole command over a transport that breaks, refuses, lies and is cancelled: it ends, and nothing follows an error. */
#include "fuzz.h"
#include "zc.h"

enum { LIMIT = 700, DATA = 400, REFUSED = 7, BROKEN = 6, CANCEL = 0x40 };

static uint8_t data[DATA], answer[LIMIT], work[DATA + 10 + ZC_RESPONSE_MAX + 1];

typedef struct {
    reader r;
    uint32_t sent, failed, cancel;
    int chained;
} card;

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
    zc_status status;

    job.command.nc = number(&c.r, 2) % (DATA + 1);
    job.command.ne = shape & 0x80 ? 65536 : shape & 0x40 ? 256 : number(&c.r, 2) % 1000;
    job.work_size = zc_work_size(&job);
    REQUIRE(job.work_size <= sizeof work);
    status = zc_carry(&job, transmit, &c);
    REQUIRE(job.sent == c.sent && job.received <= LIMIT);
    REQUIRE(c.failed == 0 || (status == ZC_E_TRANSPORT && job.code == c.failed));
    REQUIRE(status != ZC_E_CANCELLED || (c.cancel != 0 && !c.chained));
    REQUIRE(status != ZC_OK || job.sent > 0);
    return 0;
}
