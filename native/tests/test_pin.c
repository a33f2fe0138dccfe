/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"
#include "zc.h"

static void characters_then_filler(void)
{
    uint8_t *pin = exactly("123456", 6), block[9];

    memset(block, 0xA5, sizeof block);
    EQUAL(zc_pin_pad(pin, 6, 0xFF, block, 8), ZC_OK);
    CHECK(memcmp(block, "123456\xFF\xFF\xA5", 9) == 0);
    EQUAL(zc_pin_pad(pin, 6, 0x00, block, 6), ZC_OK);
    CHECK(memcmp(block, "123456\xFF\xFF\xA5", 9) == 0);
    EQUAL(zc_pin_pad(pin, 6, 0xFF, block, 5), ZC_E_RANGE);
    EQUAL(zc_pin_pad(pin, 0, 0xFF, block, 8), ZC_E_RANGE);
    free(pin);
}

static void format_2_of_every_length(void)
{
    static const char digits[] = "9012345678901";

    for (size_t length = 0; length <= 13; length++) {
        uint8_t *pin = exactly(digits, length), block[9];
        int fits = length >= 4 && length <= 12;

        memset(block, 0xA5, sizeof block);
        EQUAL(zc_pin_format_2(pin, length, block), fits ? ZC_OK : ZC_E_RANGE);
        EQUAL(block[8], 0xA5);
        for (size_t nibble = 0; fits && nibble < 14; nibble++) {
            uint8_t byte = block[1 + nibble / 2];

            EQUAL(nibble % 2 == 0 ? byte >> 4 : byte & 15, nibble < length ? digits[nibble] - '0' : 15);
        }
        EQUAL(block[0], fits ? 0x20 + (int)length : 0xA5);
        free(pin);
    }
}

static void only_digits_have_a_format_2(void)
{
    for (int byte = 0; byte < 256; byte++)
        for (size_t at = 0; at < 5; at++) {
            uint8_t pin[5] = "12345", block[8];

            pin[at] = (uint8_t)byte;
            EQUAL(zc_pin_format_2(pin, 5, block), byte >= '0' && byte <= '9' ? ZC_OK : ZC_E_NOT_DIGITS);
        }
}

static void comparing_any_bytes(void)
{
    uint8_t a[2] = {0}, b[2] = {0};

    EQUAL(zc_compare(a, b, 0), ZC_OK);
    for (int byte = 0; byte < 256; byte++)
        for (size_t at = 0; at < 2; at++) {
            b[at] = (uint8_t)byte;
            EQUAL(zc_compare(a, b, 2), byte == 0 ? ZC_OK : ZC_E_DIFFERENT);
            b[at] = 0;
        }
}

int main(void)
{
    RUN(characters_then_filler);
    RUN(format_2_of_every_length);
    RUN(only_digits_have_a_format_2);
    RUN(comparing_any_bytes);
    return report();
}
