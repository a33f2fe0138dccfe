/* SPDX-License-Identifier: Apache-2.0
 * What the fuzz targets share: a check that stops the fuzzer, and reading the input piece by piece. */
#ifndef ZC_FUZZ_H
#define ZC_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

#define REQUIRE(condition)                                                            \
    do {                                                                              \
        if (!(condition)) {                                                           \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);   \
            abort();                                                                  \
        }                                                                             \
    } while (0)

/* The input is read from the front; where it ends, zeros follow. */
typedef struct {
    const uint8_t *at;
    size_t left;
} reader;

static inline uint8_t octet(reader *r)
{
    if (r->left == 0)
        return 0;
    r->left--;
    return *r->at++;
}

static inline uint32_t number(reader *r, int octets)
{
    uint32_t value = 0;

    while (octets-- > 0)
        value = value << 8 | octet(r);
    return value;
}

/* At most `most` of the bytes that are left. */
static inline const uint8_t *bytes(reader *r, size_t most, size_t *length)
{
    const uint8_t *start = r->at;

    *length = most < r->left ? most : r->left;
    r->at += *length;
    r->left -= *length;
    return start;
}

#endif
