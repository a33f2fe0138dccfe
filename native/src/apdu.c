/* SPDX-License-Identifier: Apache-2.0
 * Command APDUs, cases 1 to 4 in short and extended form: ISO/IEC 7816-3:2006, 12.1.3. */
#include "zc.h"

#include <string.h>

enum { HEADER = 4, SHORT_NC = 255, SHORT_NE = 256, EXTENDED_NC = 65535, EXTENDED_NE = 65536 };

static uint32_t read16(const uint8_t *at)
{
    return ((uint32_t)at[0] << 8) | at[1];
}

static uint8_t *write16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
    return at + 2;
}

/* After the data field: nothing, or one Le field of `le_size` bytes. */
static zc_status parse_end(const uint8_t *raw, size_t length, size_t le_size, zc_command *command, size_t *offset)
{
    size_t end = command->data_offset;

    if (command->nc > length - end) {
        *offset = length;
        return ZC_E_DATA;
    }
    end += command->nc;
    *offset = end;
    if (length == end)
        return ZC_OK;
    if (length - end < le_size) {
        *offset = length;
        return ZC_E_LE;
    }
    if (length - end > le_size) {
        *offset = end + le_size;
        return ZC_E_TRAILING;
    }
    command->ne = le_size == 1 ? raw[end] : read16(raw + end);
    if (command->ne == 0)
        command->ne = le_size == 1 ? SHORT_NE : EXTENDED_NE;
    *offset = length;
    return ZC_OK;
}

static zc_status parse_extended(const uint8_t *raw, size_t length, zc_command *command, size_t *offset)
{
    command->extended = 1;
    *offset = length;
    if (length < HEADER + 3)
        return ZC_E_LC;
    command->data_offset = HEADER + 3;
    if (length == HEADER + 3) { /* case 2E: what would be Lc is Le */
        command->data_offset = HEADER + 1;
        return parse_end(raw, length, 2, command, offset);
    }
    command->nc = read16(raw + HEADER + 1);
    if (command->nc == 0) {
        *offset = HEADER + 1;
        return ZC_E_LC;
    }
    return parse_end(raw, length, 2, command, offset);
}

zc_status zc_command_parse(const uint8_t *raw, size_t length, zc_command *command, size_t *offset)
{
    memset(command, 0, sizeof *command);
    *offset = length;
    if (length < HEADER)
        return ZC_E_HEADER;
    command->cla = raw[0];
    command->ins = raw[1];
    command->p1 = raw[2];
    command->p2 = raw[3];
    command->data_offset = HEADER;
    if (length <= HEADER + 1) /* cases 1 and 2S */
        return parse_end(raw, length, 1, command, offset);
    if (raw[HEADER] == 0)
        return parse_extended(raw, length, command, offset);
    command->nc = raw[HEADER];
    command->data_offset = HEADER + 1;
    return parse_end(raw, length, 1, command, offset);
}

static size_t encoded_size(const zc_command *command, int extended)
{
    size_t size = HEADER + command->nc;

    if (!extended)
        return size + (command->nc > 0) + (command->ne > 0);
    if (command->nc > 0)
        return size + 3 + (command->ne > 0 ? 2 : 0);
    return size + (command->ne > 0 ? 3 : 0);
}

static uint8_t *write_lc(uint8_t *at, uint32_t nc, int extended)
{
    if (extended) {
        *at++ = 0;
        return write16(at, nc);
    }
    *at++ = (uint8_t)nc;
    return at;
}

static void write_le(uint8_t *at, const zc_command *command, int extended)
{
    if (!extended) {
        *at = (uint8_t)command->ne; /* 256 becomes 00 */
        return;
    }
    if (command->nc == 0)
        *at++ = 0;
    write16(at, command->ne); /* 65,536 becomes 0000 */
}

zc_status zc_command_encode(const zc_command *command, const uint8_t *data, uint8_t *out, size_t capacity,
                            size_t *length)
{
    int extended = command->extended || command->nc > SHORT_NC || command->ne > SHORT_NE;
    uint8_t *at = out + HEADER;
    size_t size;

    *length = 0;
    if (command->nc > EXTENDED_NC || command->ne > EXTENDED_NE)
        return ZC_E_RANGE;
    size = encoded_size(command, extended);
    if (size > capacity)
        return ZC_E_CAPACITY;
    out[0] = command->cla;
    out[1] = command->ins;
    out[2] = command->p1;
    out[3] = command->p2;
    if (command->nc > 0) {
        at = write_lc(at, command->nc, extended);
        memcpy(at, data, command->nc);
        at += command->nc;
    }
    if (command->ne > 0)
        write_le(at, command, extended);
    *length = size;
    return ZC_OK;
}
