/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"
#include "zc.h"

static zc_atr atr;
static size_t offset;

static zc_status parse(const char *text)
{
    size_t length;
    uint8_t *loose = hex(text, &length), *raw = exactly(loose, length);
    zc_status status = zc_atr_parse(raw, length, &atr, &offset);

    free(loose);
    free(raw);
    return status;
}

static void refuses(const char *text, zc_status status, size_t at)
{
    EQUAL(parse(text), status);
    EQUAL(offset, at);
}

#define UZI "3B DC 18 FF 81 91 FE 1F C3 06 0A 2B 06 01 04 01 E9 10 05 02 03 D1"

static void a_uzi_pass_is_read(void)
{
    EQUAL(parse(UZI), ZC_OK);
    EQUAL(atr.protocols, 1 << 1);
    EQUAL(atr.first, 1);
    EQUAL(atr.checked, 1);
    EQUAL(atr.inverse, 0);
    EQUAL(atr.historical_offset, 9);
    EQUAL(atr.historical_length, 12);
    EQUAL(atr.extended_length, ZC_ATR_UNKNOWN);
    EQUAL(atr.chaining, ZC_ATR_UNKNOWN);
}

static void interface_bytes_have_their_names(void)
{
    static const zc_atr_byte want[] = {
        {'A', 1, ZC_ATR_UNKNOWN, 0x18}, {'C', 1, ZC_ATR_UNKNOWN, 0xFF}, {'D', 1, ZC_ATR_UNKNOWN, 0x81},
        {'D', 2, 1, 0x91},              {'A', 3, 1, 0xFE},              {'D', 3, 1, 0x1F},
        {'A', 4, 15, 0xC3},
    };

    EQUAL(parse(UZI), ZC_OK);
    EQUAL(atr.interface_count, 7);
    CHECK(memcmp(atr.interface_bytes, want, sizeof want) == 0);
}

static void without_td1_it_is_t0_without_check_byte(void)
{
    EQUAL(parse("3B 02 62 02"), ZC_OK);
    EQUAL(atr.protocols, 1);
    EQUAL(atr.checked, 0);
    EQUAL(atr.historical_length, 2);
    EQUAL(parse("3F 00"), ZC_OK);
    EQUAL(atr.inverse, 1);
}

static void several_protocols_are_offered_in_order(void)
{
    EQUAL(parse("3B 80 80 01 01"), ZC_OK);
    EQUAL(atr.protocols, 3);
    EQUAL(atr.first, 0);
    EQUAL(parse("3B 80 1F 00 9F"), ZC_OK); /* T=15 alone: T=0, and a check byte all the same */
    EQUAL(atr.protocols, 1);
    EQUAL(atr.checked, 1);
}

static void capabilities_come_from_tag_7(void)
{
    EQUAL(parse("3B 07 80 31 80 73 00 00 C0"), ZC_OK);
    EQUAL(atr.extended_length, 1);
    EQUAL(atr.chaining, 1);
    EQUAL(parse("3B 08 00 73 00 00 40 05 90 00"), ZC_OK);
    EQUAL(atr.extended_length, 1);
    EQUAL(atr.chaining, 0);
    EQUAL(parse("3B 05 80 73 00 00 80"), ZC_OK);
    EQUAL(atr.extended_length, 0);
    EQUAL(atr.chaining, 1);
}

static void capabilities_not_said_are_unknown(void)
{
    static const char *const silent[] = {
        "3B 00",
        "3B 01 80",
        "3B 04 80 72 00 00",          /* two of the three bytes */
        "3B 06 81 31 80 73 00 00",    /* another category */
        "3B 07 59 75 62 69 6B 65 79", /* bytes of the card's own making */
        "3B 07 00 73 00 00 C0 90 00", /* the status eats into the value */
        "3B 02 00 73",
        "3B 01 00",
    };

    for (size_t i = 0; i < sizeof silent / sizeof silent[0]; i++) {
        EQUAL(parse(silent[i]), ZC_OK);
        EQUAL(atr.extended_length, ZC_ATR_UNKNOWN);
        EQUAL(atr.chaining, ZC_ATR_UNKNOWN);
    }
}

static void what_is_none_is_refused_with_its_place(void)
{
    refuses("", ZC_E_ATR, 0);
    refuses("3B", ZC_E_ATR, 0);
    refuses("3C 00", ZC_E_ATR, 0);
    refuses("3B 10", ZC_E_TRUNCATED, 2);
    refuses("3B 80", ZC_E_TRUNCATED, 2);
    refuses("3B 80 81", ZC_E_TRUNCATED, 3);
    refuses("3B 02 62", ZC_E_TRUNCATED, 3);
    refuses("3B 80 01", ZC_E_TRUNCATED, 3);
    refuses("3B 00 00", ZC_E_TRAILING, 2);
    refuses("3B 80 01 81 00", ZC_E_TRAILING, 4);
    refuses("3B 80 01 80", ZC_E_CHECK, 3);
    refuses("3B 0F 000000000000000000000000000000 0000000000000000000000000000000000", ZC_E_ATR, 0);
}

static void every_changed_bit_and_every_cut_of_a_checked_one_is_noticed(void)
{
    size_t length;
    uint8_t *raw = hex(UZI, &length);

    for (size_t at = 0; at < length; at++) {
        uint8_t *part = exactly(raw, at);

        CHECK(zc_atr_parse(part, at, &atr, &offset) != ZC_OK);
        CHECK(offset <= at);
        free(part);
        for (int bit = 0; bit < 8; bit++) {
            raw[at] ^= (uint8_t)(1 << bit);
            CHECK(zc_atr_parse(raw, length, &atr, &offset) != ZC_OK || (at == 0 && atr.inverse));
            raw[at] ^= (uint8_t)(1 << bit);
        }
    }
    free(raw);
}

int main(void)
{
    RUN(a_uzi_pass_is_read);
    RUN(interface_bytes_have_their_names);
    RUN(without_td1_it_is_t0_without_check_byte);
    RUN(several_protocols_are_offered_in_order);
    RUN(capabilities_come_from_tag_7);
    RUN(capabilities_not_said_are_unknown);
    RUN(what_is_none_is_refused_with_its_place);
    RUN(every_changed_bit_and_every_cut_of_a_checked_one_is_noticed);
    return report();
}
