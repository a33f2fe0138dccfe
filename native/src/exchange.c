/* SPDX-License-Identifier: Apache-2.0
 * One logical command as physical ones: length form, command chaining, GET RESPONSE and the exact Le. The table of
 * transitions stands in zc.h. */
#include "zc.h"

#include <string.h>

enum { SENDING, COLLECTING, FINISHED };
enum { CHAINED = 0x10, PROPRIETARY = 0x80, FURTHER = 0x40, CHANNEL = 0x03, GET_RESPONSE = 0xC0, WRONG_LENGTH = 0x6700 };
enum { SHORT_NC = 255, SHORT_NE = 256, EXTENDED_NC = 65535, EXTENDED_NE = 65536 };

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

static zc_status write_part(const zc_exchange *x, const uint8_t *data, uint8_t *out, size_t capacity, size_t *length)
{
    zc_command physical = x->command;

    physical.extended = x->form != ZC_SHORT;
    physical.nc = x->part;
    physical.ne = x->expected;
    if (!last_part(x))
        physical.cla |= CHAINED;
    return zc_command_encode(&physical, data == NULL ? NULL : data + x->sent, out, capacity, length);
}

/* The command's logical channel, and no more of its class: GET RESPONSE belongs to the transport, below secure
 * messaging, which protects command and answer as wholes (further channels: ISO/IEC 7816-4:2020, table 3). */
static uint8_t get_response_class(uint8_t cla)
{
    return (uint8_t)((cla & (PROPRIETARY | FURTHER)) == FURTHER ? cla & 0x4F : cla & CHANNEL);
}

static zc_status write_get_response(const zc_exchange *x, uint8_t *out, size_t capacity, size_t *length)
{
    zc_command physical = {.cla = get_response_class(x->command.cla), .ins = GET_RESPONSE, .ne = x->expected};

    return zc_command_encode(&physical, NULL, out, capacity, length);
}

static zc_status write_next(zc_exchange *x, const uint8_t *data, uint8_t *out, size_t capacity, size_t *length)
{
    zc_status status = x->phase == COLLECTING ? write_get_response(x, out, capacity, length)
                                              : write_part(x, data, out, capacity, length);

    if (status == ZC_OK)
        return ZC_MORE;
    x->phase = FINISHED;
    return status;
}

zc_status zc_exchange_begin(zc_exchange *exchange, const zc_command *command, const uint8_t *data, uint32_t limit,
                            uint8_t *out, size_t capacity, size_t *length)
{
    int whole = command->ne == 0 || command->ne == SHORT_NE || command->ne == EXTENDED_NE;
    zc_status status;

    memset(exchange, 0, sizeof *exchange);
    exchange->command = *command;
    exchange->limit = limit;
    exchange->bound = whole || command->ne > limit ? limit : command->ne;
    exchange->form = command->extended;
    *length = 0;
    if (command->nc > EXTENDED_NC || command->ne > EXTENDED_NE || command->extended > ZC_EITHER) {
        exchange->phase = FINISHED;
        return ZC_E_RANGE;
    }
    if (exchange->form == ZC_EITHER && command->nc <= SHORT_NC && command->ne <= SHORT_NE)
        exchange->form = ZC_SHORT;
    take_part(exchange);
    status = write_next(exchange, data, out, capacity, length);
    return status == ZC_MORE ? ZC_OK : status;
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

zc_status zc_exchange_feed(zc_exchange *exchange, const uint8_t *data, const uint8_t *response, size_t response_length,
                           uint8_t *answer, uint8_t *out, size_t capacity, size_t *length)
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
    return status;
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
