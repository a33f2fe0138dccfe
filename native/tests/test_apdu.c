/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"
#include "zc.h"

static zc_status parse(const char *text, zc_command *command, size_t *offset)
{
    size_t length;
    uint8_t *loose = hex(text, &length), *raw = exactly(loose, length);
    zc_status status = zc_command_parse(raw, length, command, offset);

    free(loose);
    free(raw);
    return status;
}

static void parses(const char *text, uint32_t nc, uint32_t ne, int extended, uint32_t data_offset)
{
    zc_command command;
    size_t offset, length;

    free(hex(text, &length));
    EQUAL(parse(text, &command, &offset), ZC_OK);
    EQUAL(command.nc, nc);
    EQUAL(command.ne, ne);
    EQUAL(command.extended, extended);
    if (nc)
        EQUAL(command.data_offset, data_offset);
    EQUAL(offset, length);
}

static void refuses(const char *text, zc_status status, size_t at)
{
    zc_command command;
    size_t offset;

    EQUAL(parse(text, &command, &offset), status);
    EQUAL(offset, at);
}

static void all_seven_cases_are_read(void)
{
    parses("00A40400", 0, 0, 0, 0);
    parses("00A4040005", 0, 5, 0, 0);
    parses("00A4040000", 0, 256, 0, 0);
    parses("00A40400 02 3F00", 2, 0, 0, 5);
    parses("00A40400 02 3F00 00", 2, 256, 0, 5);
    parses("00B00000 00 0100", 0, 256, 1, 0);
    parses("00B00000 00 0000", 0, 65536, 1, 0);
    parses("00D60000 00 0001 AA", 1, 0, 1, 7);
    parses("00D60000 00 0001 AA 0000", 1, 65536, 1, 7);
    parses("00D60000 00 0001 AA 0102", 1, 0x102, 1, 7);
}

static void the_header_is_kept(void)
{
    zc_command command;
    size_t offset;

    EQUAL(parse("0C A4 12 34", &command, &offset), ZC_OK);
    EQUAL(command.cla, 0x0C);
    EQUAL(command.ins, 0xA4);
    EQUAL(command.p1, 0x12);
    EQUAL(command.p2, 0x34);
}

static void what_is_cut_short_is_refused(void)
{
    refuses("", ZC_E_HEADER, 0);
    refuses("00A404", ZC_E_HEADER, 3);
    refuses("00A40400 03 3F00", ZC_E_DATA, 7);
    refuses("00A40400 FF 3F00", ZC_E_DATA, 7);
    refuses("00D60000 00 00", ZC_E_LC, 6);
    refuses("00D60000 00 FFFF AA", ZC_E_DATA, 8);
    refuses("00D60000 00 0001 AA 00", ZC_E_LE, 9);
}

static void what_is_left_over_is_refused(void)
{
    refuses("00A40400 02 3F00 00 00", ZC_E_TRAILING, 8);
    refuses("00D60000 00 0001 AA 0000 00", ZC_E_TRAILING, 10);
    refuses("00D60000 00 0000 AA", ZC_E_LC, 5);
}

static void every_prefix_is_read_within_its_bounds(void)
{
    static const char *const commands[] = {"00A40400 02 3F00 00", "00D60000 00 0003 AABBCC 0102"};

    for (size_t i = 0; i < 2; i++) {
        size_t length;
        uint8_t *raw = hex(commands[i], &length);

        for (size_t cut = 0; cut <= length; cut++) {
            uint8_t *part = exactly(raw, cut);
            zc_command command;
            size_t offset;

            zc_command_parse(part, cut, &command, &offset);
            CHECK(offset <= cut);
            free(part);
        }
        free(raw);
    }
}

static void encodes(zc_command command, const char *data, const char *want)
{
    size_t data_length, want_length, length;
    uint8_t *bytes = hex(data, &data_length), *wanted = hex(want, &want_length);
    uint8_t *out = malloc(want_length);

    command.nc = (uint32_t)data_length;
    EQUAL(zc_command_encode(&command, bytes, out, want_length, &length), ZC_OK);
    EQUAL(length, want_length);
    CHECK(memcmp(out, wanted, want_length) == 0);
    EQUAL(zc_command_encode(&command, bytes, out, want_length - 1, &length), ZC_E_CAPACITY);
    EQUAL(length, 0);
    free(bytes);
    free(wanted);
    free(out);
}

static void all_cases_are_written_to_the_last_byte_of_the_buffer(void)
{
    encodes((zc_command){.ins = 0xA4}, "", "00A40000");
    encodes((zc_command){.ins = 0xA4, .ne = 256}, "", "00A40000 00");
    encodes((zc_command){.ins = 0xA4, .ne = 7}, "", "00A40000 07");
    encodes((zc_command){.ins = 0xA4}, "3F00", "00A40000 02 3F00");
    encodes((zc_command){.ins = 0xA4, .ne = 256}, "3F00", "00A40000 02 3F00 00");
    encodes((zc_command){.ins = 0xA4, .ne = 257}, "", "00A40000 00 0101");
    encodes((zc_command){.ins = 0xA4, .ne = 65536}, "", "00A40000 00 0000");
    encodes((zc_command){.ins = 0xA4, .extended = 1}, "3F00", "00A40000 00 0002 3F00");
    encodes((zc_command){.ins = 0xA4, .extended = 1, .ne = 256}, "3F00", "00A40000 00 0002 3F00 0100");
    encodes((zc_command){.ins = 0xA4, .extended = 1}, "", "00A40000");
}

static void what_the_standard_cannot_express_is_refused(void)
{
    uint8_t out[16];
    size_t length;
    zc_command command = {.nc = 65536};

    EQUAL(zc_command_encode(&command, out, out, sizeof out, &length), ZC_E_RANGE);
    command = (zc_command){.nc = UINT32_MAX};
    EQUAL(zc_command_encode(&command, out, out, sizeof out, &length), ZC_E_RANGE);
    command = (zc_command){.ne = 65537};
    EQUAL(zc_command_encode(&command, NULL, out, sizeof out, &length), ZC_E_RANGE);
}

static void the_longest_command_fits_the_published_maximum(void)
{
    zc_command command = {.nc = 65535, .ne = 65536}, again;
    uint8_t *data = calloc(1, 65535), *out = malloc(ZC_COMMAND_MAX);
    size_t length, offset;

    EQUAL(zc_command_encode(&command, data, out, ZC_COMMAND_MAX, &length), ZC_OK);
    EQUAL(length, ZC_COMMAND_MAX);
    EQUAL(zc_command_parse(out, length, &again, &offset), ZC_OK);
    EQUAL(again.nc, 65535);
    EQUAL(again.ne, 65536);
    free(data);
    free(out);
}

static void every_status_has_words(void)
{
    for (int status = ZC_E_CHECK; status <= ZC_MORE; status++)
        CHECK(strcmp(zc_reason(status), "unknown status") != 0);
    CHECK(strcmp(zc_reason(99), "unknown status") == 0);
}

int main(void)
{
    RUN(all_seven_cases_are_read);
    RUN(the_header_is_kept);
    RUN(what_is_cut_short_is_refused);
    RUN(what_is_left_over_is_refused);
    RUN(every_prefix_is_read_within_its_bounds);
    RUN(all_cases_are_written_to_the_last_byte_of_the_buffer);
    RUN(what_the_standard_cannot_express_is_refused);
    RUN(the_longest_command_fits_the_published_maximum);
    RUN(every_status_has_words);
    return report();
}
