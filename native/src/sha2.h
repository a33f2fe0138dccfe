/* SPDX-License-Identifier: Apache-2.0
 * SHA-256 and SHA-384 of a message in parts. */
#ifndef ZC_SHA2_H
#define ZC_SHA2_H

#include "zc.h"

enum { ZC_SHA2_MAX = 48 };

typedef struct {
    const uint8_t *bytes;
    size_t length;
} zc_part;

/* SHA-256 (`wide` 0) or SHA-384; returns the length of the digest. */
size_t zc_sha2(int wide, const zc_part *parts, size_t count, uint8_t *digest);

#endif
