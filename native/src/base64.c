/* SPDX-License-Identifier: Apache-2.0
 * Base64 (RFC 4648, 4), read in its one canonical form. */
#include "zc.h"

enum { NO = 0xFF, NOT_BASE64 = 0x80 };

/* The six bits of a character; NO for another. */
static uint32_t bits_of(uint8_t c)
{
    static const uint8_t bits[256] = { /* of every octet, so that nothing is asked on the way */
        NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
        NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
        NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, 62, NO, NO, NO, 63,
        52, 53, 54, 55, 56, 57, 58, 59, 60, 61, NO, NO, NO, NO, NO, NO,
        NO, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
        15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, NO, NO, NO, NO, NO,
        NO, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
        41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, NO, NO, NO, NO, NO,
        NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
        NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
        NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
        NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
        NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
        NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
        NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
        NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    };

    return bits[c];
}

/* The last four characters: one or two of them may be padding, and then the bits that are left over are zero. */
static zc_status read_last(const uint8_t *text, uint8_t *out, size_t *length)
{
    size_t bytes = text[3] != '=' ? 3 : text[2] != '=' ? 2 : 1;
    uint32_t a = bits_of(text[0]), b = bits_of(text[1]), c = bytes > 1 ? bits_of(text[2]) : 0, d = bytes > 2 ? bits_of(text[3]) : 0;
    uint32_t word = a << 18 | b << 12 | c << 6 | d;

    if ((a | b | c | d) & NOT_BASE64)
        return ZC_E_TEXT;
    if (word & (0xFFFFFFu >> (8 * bytes)))
        return ZC_E_NOT_MINIMAL;
    for (size_t i = 0; i < bytes; i++)
        out[i] = (uint8_t)(word >> (16 - 8 * i));
    *length = bytes;
    return ZC_OK;
}

zc_status zc_base64_read(const uint8_t *text, size_t length, uint8_t *out, size_t *out_length)
{
    uint32_t all = 0;
    uint8_t *at = out;
    size_t last = 0;
    zc_status status;

    *out_length = 0;
    if (length == 0)
        return ZC_OK;
    if (length % 4 != 0)
        return ZC_E_TRUNCATED;
    for (; length > 4; length -= 4, text += 4, at += 3) {
        uint32_t a = bits_of(text[0]), b = bits_of(text[1]), c = bits_of(text[2]), d = bits_of(text[3]);
        uint32_t word = a << 18 | b << 12 | c << 6 | d;

        all |= a | b | c | d;
        at[0] = (uint8_t)(word >> 16);
        at[1] = (uint8_t)(word >> 8);
        at[2] = (uint8_t)word;
    }
    if (all & NOT_BASE64)
        return ZC_E_TEXT;
    status = read_last(text, at, &last);
    if (status == ZC_OK)
        *out_length = (size_t)(at - out) + last;
    return status;
}
