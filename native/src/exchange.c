/* SPDX-License-Identifier: Apache-2.0
 * One logical command as physical ones: length form, command chaining, GET RESPONSE and the exact Le. The table of
 * transitions stands in zc.h. */
#include "zc.h"

#include <string.h>

enum { SENDING, COLLECTING, FINISHED };
enum { CHAINED = 0x10, PROPRIETARY = 0x80, FURTHER = 0x40, CHANNEL = 0x03, GET_RESPONSE = 0xC0, WRONG_LENGTH = 0x6700 };
enum { HEADER = 4, SHORT_NC = 255, SHORT_NE = 256, EXTENDED_NC = 65535, EXTENDED_NE = 65536 };

static int last_part(const zc_exchange *x)
{
    return x->sent + x->part == x->command.nc;
}

/* Choose the next part of the data and the Le that goes with it. */
static void take_part(zc_exchange *x)
{
    uint32_t left = x->command.nc - x->sent;
    uint32_t most = x->form == ZC_SHORT ? SHORT_NC : left;

    x->part = left < most ? left : most;
    x->expected = last_part(x) ? x->command.ne : 0;
    if (x->form == ZC_SHORT && x->expected > SHORT_NE)
        x->expected = SHORT_NE;
}

/* A physical command in short form, as most are; its header is in `out` already. */
static zc_status write_short(const uint8_t *data, uint32_t nc, uint32_t ne, uint8_t *out, size_t *length)
{
    uint8_t *at = out + HEADER;

    if (nc > 0) {
        *at++ = (uint8_t)nc;
        memcpy(at, data, nc);
        at += nc;
    }
    if (ne > 0)
        *at++ = (uint8_t)ne; /* 256 becomes 00 */
    *length = (size_t)(at - out);
    return ZC_MORE;
}

static zc_status write_part(const zc_exchange *x, const uint8_t *data, uint8_t *out, size_t capacity, size_t *length)
{
    if (x->form != ZC_SHORT) {
        zc_command physical = x->command;

        physical.extended = 1;
        physical.ne = x->expected;
        return zc_command_encode(&physical, data, out, capacity, length) == ZC_OK ? ZC_MORE : ZC_E_CAPACITY;
    }
    if (HEADER + 2 + (size_t)x->part > capacity)
        return ZC_E_CAPACITY;
    out[0] = last_part(x) ? x->command.cla : x->command.cla | CHAINED;
    out[1] = x->command.ins;
    out[2] = x->command.p1;
    out[3] = x->command.p2;
    return write_short(data == NULL ? NULL : data + x->sent, x->part, x->expected, out, length);
}

/* The command's logical channel, and no more of its class: GET RESPONSE belongs to the transport, below secure
 * messaging, which protects command and answer as wholes (further channels: ISO/IEC 7816-4:2020, table 3). */
static uint8_t get_response_class(uint8_t cla)
{
    return (uint8_t)((cla & (PROPRIETARY | FURTHER)) == FURTHER ? cla & 0x4F : cla & CHANNEL);
}

static zc_status write_get_response(const zc_exchange *x, uint8_t *out, size_t capacity, size_t *length)
{
    if (HEADER + 1 > capacity)
        return ZC_E_CAPACITY;
    out[0] = get_response_class(x->command.cla);
    out[1] = GET_RESPONSE;
    out[2] = out[3] = 0;
    return write_short(NULL, 0, x->expected, out, length);
}

static zc_status write_next(zc_exchange *x, const uint8_t *data, uint8_t *out, size_t capacity, size_t *length)
{
    zc_status status = x->phase == COLLECTING ? write_get_response(x, out, capacity, length)
                                              : write_part(x, data, out, capacity, length);

    if (status != ZC_MORE)
        x->phase = FINISHED;
    return status;
}

static zc_status begin(zc_exchange *x, const zc_command *command, const uint8_t *data, uint32_t limit, uint8_t *out,
                       size_t capacity, size_t *length)
{
    int whole = command->ne == 0 || command->ne == SHORT_NE || command->ne == EXTENDED_NE;
    zc_status status;

    x->command = *command;
    x->limit = limit;
    x->bound = whole || command->ne > limit ? limit : command->ne;
    x->form = command->extended;
    if (x->form == ZC_EITHER && command->nc <= SHORT_NC && command->ne <= SHORT_NE)
        x->form = ZC_SHORT;
    take_part(x);
    status = write_next(x, data, out, capacity, length);
    return status == ZC_MORE ? ZC_OK : status;
}

/* An exchange that has ended, which is what one is until it has begun. */
static void clear(zc_exchange *x, size_t *length)
{
    memset(x, 0, sizeof *x);
    x->phase = FINISHED;
    *length = 0;
}

zc_status zc_exchange_begin(zc_exchange *exchange, const zc_command *command, const uint8_t *data, uint32_t limit,
                            uint8_t *out, size_t capacity, size_t *length)
{
    clear(exchange, length);
    if (command->nc > EXTENDED_NC || command->ne > EXTENDED_NE || command->extended > ZC_EITHER)
        return ZC_E_RANGE;
    exchange->phase = SENDING;
    return begin(exchange, command, data, limit, out, capacity, length);
}

/* Room for the longest command is asked for before anything is wrapped: a command that is wrapped and not sent ends the channel. */
zc_status zc_exchange_begin_secure(zc_exchange *exchange, zc_secure *secure, const zc_command *command, uint8_t *data,
                                   size_t data_capacity, uint32_t limit, uint8_t *out, size_t capacity, size_t *length)
{
    zc_command wrapped = *command;
    zc_status status;

    clear(exchange, length);
    if (capacity < ZC_COMMAND_SHORT_MAX)
        return ZC_E_CAPACITY;
    if (command->extended != ZC_SHORT && capacity - ZC_COMMAND_SHORT_MAX < command->nc)
        return ZC_E_CAPACITY;
    status = zc_secure_wrap(secure, &wrapped, data, data_capacity);
    if (status != ZC_OK)
        return status;
    exchange->secured = 1;
    exchange->phase = SENDING;
    return begin(exchange, &wrapped, data, limit, out, capacity, length);
}

/* Extended form was refused: the same command from its first byte on in short form, once. */
static void fall_back(zc_exchange *x)
{
    x->form = ZC_SHORT;
    x->fell_back = 1;
    take_part(x);
}

static uint32_t announced(uint16_t sw)
{
    uint32_t sw2 = sw & 0xFF;

    return sw2 == 0 ? SHORT_NE : sw2;
}

/* 6Cxx: the same command with the Le that the card names, once. The card's exact length replaces the caller's bound. */
static zc_status correct(zc_exchange *x, size_t data_length)
{
    if (data_length > 0)
        return ZC_E_ANSWER_DATA;
    x->corrected = 1;
    x->expected = announced(x->sw);
    if (x->bound - x->received < x->expected)
        x->bound = x->limit - x->received < x->expected ? x->limit : x->received + x->expected;
    return ZC_MORE;
}

/* 61xx: fetch what is announced; every round must bring something, and there are not endlessly many. */
static zc_status fetch(zc_exchange *x, size_t data_length)
{
    if (x->phase == COLLECTING && data_length == 0)
        return ZC_E_ENDLESS;
    if (x->gets == ZC_EXCHANGE_GETS)
        return ZC_E_ENDLESS;
    x->gets++;
    x->phase = COLLECTING;
    x->corrected = 0;
    x->expected = announced(x->sw);
    return ZC_MORE;
}

static zc_status collect(zc_exchange *x, const uint8_t *response, size_t data_length, uint8_t *answer)
{
    if (data_length > x->bound - x->received)
        return ZC_E_ANSWER_LONG;
    if (data_length > 0 && response != answer + x->received)
        memcpy(answer + x->received, response, data_length);
    x->received += (uint32_t)data_length;
    return ZC_OK;
}

/* The transition table of zc.h: ZC_MORE with the next command chosen, ZC_OK at the end, or an error. */
static zc_status advance(zc_exchange *x, const uint8_t *response, size_t data_length, uint8_t *answer)
{
    uint8_t sw1 = (uint8_t)(x->sw >> 8);
    zc_status status;

    if (data_length > x->expected)
        return ZC_E_ANSWER_LONG;
    if (x->form == ZC_EITHER && x->sw == WRONG_LENGTH && data_length == 0) {
        fall_back(x);
        return ZC_MORE;
    }
    if (x->form == ZC_EITHER)
        x->form = ZC_EXTENDED; /* the card took it: there is no way back */
    if (x->phase == SENDING && !last_part(x)) {
        if (x->sw != 0x9000)
            return ZC_OK;
        x->sent += x->part;
        take_part(x);
        return ZC_MORE;
    }
    if (sw1 == 0x6C && x->expected > 0 && !x->corrected)
        return correct(x, data_length);
    status = collect(x, response, data_length, answer);
    if (status != ZC_OK)
        return status;
    return sw1 == 0x61 ? fetch(x, data_length) : ZC_OK;
}

/* The answer is put together: nothing counts as one before its MAC was verified. */
static zc_status finish(zc_exchange *x, zc_secure *secure, uint8_t *answer)
{
    size_t length = x->received;
    zc_status status;

    if (!x->secured)
        return ZC_OK;
    status = secure == NULL ? ZC_E_CLOSED : zc_secure_unwrap(secure, answer, &length, &x->sw);
    x->received = status == ZC_OK ? (uint32_t)length : 0;
    return status;
}

zc_status zc_exchange_feed(zc_exchange *exchange, zc_secure *secure, const uint8_t *data, const uint8_t *response,
                           size_t response_length, uint8_t *answer, uint8_t *out, size_t capacity, size_t *length)
{
    zc_status status = ZC_E_ANSWER_SHORT;

    *length = 0;
    if (exchange->phase == FINISHED)
        return ZC_E_FINISHED;
    if (response_length >= 2) {
        const uint8_t *trailer = response + response_length - 2;

        exchange->sw = (uint16_t)(trailer[0] << 8 | trailer[1]);
        status = advance(exchange, response, response_length - 2, answer);
    }
    if (status == ZC_MORE)
        return write_next(exchange, data, out, capacity, length);
    exchange->phase = FINISHED;
    return status == ZC_OK ? finish(exchange, secure, answer) : status;
}

zc_status zc_exchange_refused(zc_exchange *exchange, const uint8_t *data, uint8_t *out, size_t capacity, size_t *length)
{
    *length = 0;
    if (exchange->phase == FINISHED)
        return ZC_E_FINISHED;
    if (exchange->form != ZC_EITHER)
        return ZC_E_RANGE;
    fall_back(exchange);
    return write_next(exchange, data, out, capacity, length);
}
