/* SPDX-License-Identifier: Apache-2.0
 * Base64 (RFC 4648, 4), read in its one canonical form. */
#include "zc.h"

#include <string.h>

/* The six bits of a character, in their place among the 24 of four; and one in the octet above, so that four characters of base64 make
 * four there. Nothing for another character. */
#define GOOD (1u << 24)
#define ALL_GOOD (4 * GOOD)
#define ONE(c, bits, place) [c] = GOOD | (uint32_t)(bits) << (place)
#define TWO(c, bits, place) ONE(c, bits, place), ONE((c) + 1, (bits) + 1, place)
#define TEN(c, bits, place)                                                                                         \
    TWO(c, bits, place), TWO((c) + 2, (bits) + 2, place), TWO((c) + 4, (bits) + 4, place), TWO((c) + 6, (bits) + 6, place), \
        TWO((c) + 8, (bits) + 8, place)
#define LETTERS(c, bits, place)                                                                                    \
    TEN(c, bits, place), TEN((c) + 10, (bits) + 10, place), TWO((c) + 20, (bits) + 20, place), TWO((c) + 22, (bits) + 22, place), \
        TWO((c) + 24, (bits) + 24, place)
#define TABLE(place) \
    {LETTERS('A', 0, place), LETTERS('a', 26, place), TEN('0', 52, place), ONE('+', 62, place), ONE('/', 63, place)}

static const uint32_t tables[4][256] = {TABLE(18), TABLE(12), TABLE(6), TABLE(0)};

static uint32_t word_of(const uint8_t *text)
{
    return tables[0][text[0]] + tables[1][text[1]] + tables[2][text[2]] + tables[3][text[3]];
}

/* Six octets, and two zeros where that makes one store of them (which compilers do not find by themselves). */
static void store(uint8_t *out, uint32_t first, uint32_t second)
{
    uint64_t word = (uint64_t)(first & 0xFFFFFFu) << 24 | (second & 0xFFFFFFu);

#if defined(__GNUC__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    word = __builtin_bswap64(word << 16);
    memcpy(out, &word, sizeof word);
#else
    for (int i = 0; i < 6; i++)
        out[i] = (uint8_t)(word >> (40 - 8 * i));
#endif
}

/* The last four characters: one or two of them may be padding, and then the bits that are left over are zero. */
static zc_status read_last(const uint8_t *text, uint8_t *out, size_t *length)
{
    size_t bytes = text[3] != '=' ? 3 : text[2] != '=' ? 2 : 1;
    uint8_t filled[4] = {text[0], text[1], bytes > 1 ? text[2] : 'A', bytes > 2 ? text[3] : 'A'}; /* A: zero */
    uint32_t word = word_of(filled);

    if (!(word & ALL_GOOD))
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
    uint32_t all = ALL_GOOD;
    uint8_t *at = out;
    size_t last = 0;
    zc_status status;

    *out_length = 0;
    if (length == 0)
        return ZC_OK;
    if (length % 4 != 0)
        return ZC_E_TRUNCATED;
    for (; length >= 16; length -= 8, text += 8, at += 6) {
        uint32_t first = word_of(text), second = word_of(text + 4);

        all &= first & second;
        store(at, first, second); /* the zeros are written over: at least four octets follow */
    }
    for (; length > 4; length -= 4, text += 4) {
        uint32_t word = word_of(text);

        all &= word;
        *at++ = (uint8_t)(word >> 16);
        *at++ = (uint8_t)(word >> 8);
        *at++ = (uint8_t)word;
    }
    if (!(all & ALL_GOOD))
        return ZC_E_TEXT;
    status = read_last(text, at, &last);
    if (status == ZC_OK)
        *out_length = (size_t)(at - out) + last;
    return status;
}
