/* SPDX-License-Identifier: Apache-2.0
 * A test is a function; it passes when none of its CHECKs fails. Each source is one program. */
#ifndef ZC_HARNESS_H
#define ZC_HARNESS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int checks_failed, tests_passed, tests_failed;

#define CHECK(condition)                                                                     \
    do {                                                                                     \
        if (!(condition)) {                                                                  \
            checks_failed++;                                                                 \
            printf("%s:%d: %s: not so: %s\n", __FILE__, __LINE__, __func__, #condition);     \
        }                                                                                    \
    } while (0)

#define EQUAL(got, want)                                                                              \
    do {                                                                                              \
        long long got_ = (long long)(got), want_ = (long long)(want);                                 \
        if (got_ != want_) {                                                                          \
            checks_failed++;                                                                          \
            printf("%s:%d: %s: %s is %lld, not %lld\n", __FILE__, __LINE__, __func__, #got, got_, want_); \
        }                                                                                             \
    } while (0)

#define RUN(test)                              \
    do {                                       \
        checks_failed = 0;                     \
        test();                                \
        if (checks_failed)                     \
            tests_failed++;                    \
        else                                   \
            tests_passed++;                    \
    } while (0)

/* For the end of main. */
static inline int report(void)
{
    printf("%d passed, %d failed\n", tests_passed, tests_failed);
    return tests_failed != 0;
}

/* `length` bytes at the very end of a heap block, so that the sanitizer sees a read of one byte more. The caller frees. */
static inline uint8_t *exactly(const void *bytes, size_t length)
{
    uint8_t *copy = malloc(length ? length : 1);

    if (copy == NULL)
        abort();
    if (length)
        memcpy(copy, bytes, length);
    return copy;
}

/* The bytes of a string of hexadecimal digits and blanks; the caller frees. */
static inline uint8_t *hex(const char *text, size_t *length)
{
    uint8_t *bytes = malloc(strlen(text) / 2 + 1);
    unsigned int byte;
    int used;

    if (bytes == NULL)
        abort();
    *length = 0;
    while (sscanf(text, " %2x%n", &byte, &used) == 1) {
        bytes[(*length)++] = (uint8_t)byte;
        text += used;
    }
    return bytes;
}

/* Put tag and length (at most 65535) before the `length` bytes at `at`; returns the length of it all. */
static inline size_t wrap(uint8_t *at, size_t length, uint8_t tag)
{
    size_t header = length < 0x80 ? 2 : length < 0x100 ? 3 : 4;

    memmove(at + header, at, length);
    at[0] = tag;
    at[1] = (uint8_t)(length < 0x80 ? length : 0x80 + header - 2);
    if (header == 4)
        at[2] = (uint8_t)(length >> 8);
    if (header > 2)
        at[header - 1] = (uint8_t)length;
    return header + length;
}

#endif
