/* SPDX-License-Identifier: Apache-2.0
 * PIN blocks, in a time that depends on the PIN's length only. */
#include "zc.h"

#include <string.h>

zc_status zc_pin_pad(const uint8_t *pin, size_t length, uint8_t filler, uint8_t *block, size_t width)
{
    if (length == 0 || length > width)
        return ZC_E_RANGE;
    memcpy(block, pin, length);
    memset(block + length, filler, width - length);
    return ZC_OK;
}

zc_status zc_pin_format_2(const uint8_t *pin, size_t length, uint8_t *block)
{
    uint32_t others = 0;

    if (length < ZC_PIN_FORMAT_2_MIN || length > ZC_PIN_FORMAT_2_MAX)
        return ZC_E_RANGE;
    memset(block, 0xFF, ZC_PIN_BLOCK);
    block[0] = (uint8_t)(0x20 | length);
    for (size_t i = 0; i < length; i++) {
        uint32_t digit = (uint32_t)pin[i] - '0';
        uint32_t nibble = digit & 0x0F;
        uint8_t *byte = &block[1 + i / 2];

        others |= digit | (9 - digit); /* the top bit tells a byte below '0', or above '9' */
        *byte = (uint8_t)(i % 2 == 0 ? nibble << 4 | 0x0F : (*byte & 0xF0) | nibble);
    }
    return (zc_status)(ZC_E_NOT_DIGITS * (int)(others >> 31));
}
