/* SPDX-License-Identifier: Apache-2.0
 * An OBJECT IDENTIFIER as text (X.690, 8.19). An arc may be a UUID (ITU-T X.667), which is longer than any number of C. */
#include "der.h"

#include <string.h>

enum { SHORT = 9, LIMBS = 5, LIMB_DIGITS = 9 }; /* bytes of seven bits in a uint64_t; 128 bits in limbs of nine digits */
#define LIMB 1000000000u

static char *write_number(char *out, uint64_t value)
{
    char digits[20];
    size_t count = 0;

    do
        digits[count++] = (char)('0' + value % 10);
    while (value /= 10);
    while (count > 0)
        *out++ = digits[--count];
    return out;
}

/* An arc of more than SHORT bytes; the first of an OID is 2.x, 80 more than x. */
static char *write_long(char *out, const uint8_t *at, const uint8_t *end, int first)
{
    uint32_t limbs[LIMBS] = {0};
    size_t top = LIMBS - 1;

    for (; at < end; at++) {
        uint64_t carry = *at & 0x7F;

        for (size_t i = 0; i < LIMBS; i++) {
            carry += (uint64_t)limbs[i] << 7;
            limbs[i] = (uint32_t)(carry % LIMB);
            carry /= LIMB;
        }
    }
    if (first) {
        uint32_t borrow = 80;

        for (size_t i = 0; i < LIMBS; i++) {
            uint32_t taken = limbs[i] < borrow;

            limbs[i] = limbs[i] + taken * LIMB - borrow;
            borrow = taken;
        }
    }
    while (top > 0 && limbs[top] == 0)
        top--;
    out = write_number(out, limbs[top]);
    while (top-- > 0) {
        uint32_t limb = limbs[top];

        for (int i = LIMB_DIGITS - 1; i >= 0; i--, limb /= 10)
            out[i] = (char)('0' + limb % 10);
        out += LIMB_DIGITS;
    }
    return out;
}

static char *write_arc(char *out, const uint8_t *at, const uint8_t *end, int first)
{
    uint64_t value = 0, root;

    if (end - at > SHORT) {
        memcpy(out, "2.", first ? 2 : 0);
        return write_long(out + (first ? 2 : 0), at, end, first);
    }
    while (at < end)
        value = value << 7 | (*at++ & 0x7F);
    if (!first)
        return write_number(out, value);
    root = value < 80 ? value / 40 : 2;
    *out++ = (char)('0' + root);
    *out++ = '.';
    return write_number(out, value - 40 * root);
}

size_t zc_oid_text(const uint8_t *oid, size_t length, char *out)
{
    zc_span span = {oid, oid + length};
    const uint8_t *start = oid;
    char *at = out;

    if (zc_der_check_oid(span) != ZC_OK)
        return 0;
    for (; span.at < span.end; span.at++) {
        if (*span.at & 0x80)
            continue;
        if (start != oid)
            *at++ = '.';
        at = write_arc(at, start, span.at + 1, start == oid);
        start = span.at + 1;
    }
    return (size_t)(at - out);
}
