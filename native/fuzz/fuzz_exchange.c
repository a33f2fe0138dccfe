/* SPDX-License-Identifier: Apache-2.0
 * A hostile card and a refusing reader: the exchange ends, within its bounds, and each command it writes is a command. */
#include "fuzz.h"
#include "zc.h"

enum { LIMIT = 700, DATA = 800, ROUNDS = ZC_EXCHANGE_GETS * 3, REFUSED = 7 };

static uint8_t data[DATA], answer[LIMIT], out[DATA + 10], room[1026];

static void check_command(const zc_exchange *x, const zc_command *logical, size_t length)
{
    zc_command written;
    size_t offset;

    REQUIRE(length <= (x->form == ZC_SHORT ? ZC_COMMAND_SHORT_MAX : sizeof out));
    REQUIRE(zc_command_parse(out, length, &written, &offset) == ZC_OK);
    REQUIRE(written.nc <= logical->nc && written.ne == x->expected);
    REQUIRE(written.extended == 0 || x->form != ZC_SHORT);
    if (written.nc > 0)
        REQUIRE(memcmp(out + written.data_offset, data + x->sent, written.nc) == 0);
}

static zc_command logical_command(reader *r)
{
    zc_command command = {.cla = octet(r), .ins = octet(r)};
    uint8_t shape = octet(r);

    command.extended = shape % 3;
    command.nc = number(r, 2) % (DATA + 1);
    command.ne = shape & 0x80 ? 65536 : shape & 0x40 ? 256 : number(r, 2) % 1000;
    return command;
}

/* A response of 0 to 1,026 bytes at the end of its room: its first byte says which kind of status word it ends with. */
static const uint8_t *card(reader *r, uint8_t kind, size_t *size)
{
    static const uint8_t first[] = {0x90, 0x61, 0x61, 0x6C, 0x67};
    size_t count = kind & 0x80 ? number(r, 2) % 1025 : octet(r) & 0x0F;
    uint8_t *response = room + sizeof room - 2 - count;

    room[sizeof room - 2] = kind % 8 < 5 ? first[kind % 8] : octet(r);
    room[sizeof room - 1] = kind % 8 == 0 || kind % 8 == 4 ? 0x00 : octet(r);
    *size = kind % 8 == 6 ? count % 2 : count + 2;
    return kind % 8 == 6 ? room + sizeof room - *size : response;
}

static void copies_agree(const zc_exchange *x, const uint8_t *response, size_t size, zc_status status, size_t length)
{
    static uint8_t other_answer[LIMIT], other_out[sizeof out];
    zc_exchange copy = *x;
    size_t other_length;

    REQUIRE(zc_exchange_feed(&copy, NULL, data, response, size, other_answer, other_out, sizeof other_out, &other_length) ==
            status);
    REQUIRE(other_length == length);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    reader r = {input, size};
    zc_command command = logical_command(&r);
    uint32_t limit = number(&r, 2) % (LIMIT + 1);
    zc_exchange x;
    size_t length, given;
    zc_status status;
    int rounds = 0;

    for (size_t i = 0; i < DATA; i++)
        data[i] = (uint8_t)(i * 7);
    status = zc_exchange_begin(&x, &command, data, limit, out, sizeof out, &length);
    REQUIRE(status == ZC_OK);
    do {
        uint8_t kind = octet(&r);
        const uint8_t *response;
        zc_exchange before = x;

        check_command(&x, &command, length);
        REQUIRE(rounds++ < ROUNDS);
        if (kind % 8 == REFUSED) {
            status = zc_exchange_refused(&x, data, out, sizeof out, &length);
            REQUIRE(status == ZC_MORE || status == ZC_E_RANGE);
            if (status == ZC_MORE)
                continue;
        }
        response = card(&r, kind, &given);
        status = zc_exchange_feed(&x, NULL, data, response, given, answer, out, sizeof out, &length);
        REQUIRE(x.received <= x.bound && x.bound <= limit && x.gets <= ZC_EXCHANGE_GETS);
        REQUIRE(status < ZC_OK || x.form != ZC_EITHER); /* one answer, and there is no way back */
        copies_agree(&before, response, given, status, length);
    } while (status == ZC_MORE);
    REQUIRE(length == 0);
    REQUIRE(zc_exchange_feed(&x, NULL, data, answer, 2, answer, out, sizeof out, &length) == ZC_E_FINISHED);
    return 0;
}
