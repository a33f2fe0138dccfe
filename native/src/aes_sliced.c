/* SPDX-License-Identifier: Apache-2.0
 * AES without tables and without branches on secrets: four blocks at once, in eight slices.
 *
 * Slice i holds bit i of each of the 64 bytes; byte n of block m is bit 16 m + n of a slice. In a block byte 4 c + r is row r
 * of column c, so a nibble is a column, a row is every fourth bit, and a round key is 16 bits a slice.
 *
 * The inverse of SubBytes (FIPS 197, 5.1.1) is computed in GF(16)[Y] / (Y^2 + Y + A), where GF(16) is GF(2)[x] / (x^4 + x + 1)
 * and A = x^3 + x: for p Y + q it is (p Y + p + q) / (A p^2 + p q + q^2). The way there maps the x of the AES field on 4 Y + C;
 * the way back takes SubBytes' affine map along. */
#include "aes.h"

#include <string.h>

typedef uint64_t slices[8];

enum { ROUND_KEY = 16 };

/* Transpose the 8 by 8 bits of a word: bit 8 i + j becomes bit 8 j + i. */
static uint64_t transpose(uint64_t x)
{
    uint64_t t;

    t = (x ^ x >> 7) & UINT64_C(0x00AA00AA00AA00AA);
    x ^= t ^ t << 7;
    t = (x ^ x >> 14) & UINT64_C(0x0000CCCC0000CCCC);
    x ^= t ^ t << 14;
    t = (x ^ x >> 28) & UINT64_C(0x00000000F0F0F0F0);
    return x ^ t ^ t << 28;
}

static void pack(slices x, const uint8_t bytes[64])
{
    memset(x, 0, sizeof(slices));
    for (unsigned int part = 0; part < 64; part += 8) {
        uint64_t word = 0;

        for (unsigned int i = 0; i < 8; i++)
            word |= (uint64_t)bytes[part + i] << 8 * i;
        word = transpose(word);
        for (unsigned int i = 0; i < 8; i++)
            x[i] |= (word >> 8 * i & 0xFF) << part;
    }
}

static void unpack(const slices x, uint8_t bytes[64])
{
    for (unsigned int part = 0; part < 64; part += 8) {
        uint64_t word = 0;

        for (unsigned int i = 0; i < 8; i++)
            word |= (x[i] >> part & 0xFF) << 8 * i;
        word = transpose(word);
        for (unsigned int i = 0; i < 8; i++)
            bytes[part + i] = (uint8_t)(word >> 8 * i);
    }
}

/* ---- the S-box ------------------------------------------------------------------------------------------------- */

/* The product in GF(16). */
static void multiply(uint64_t *c, const uint64_t *a, const uint64_t *b)
{
    uint64_t x4 = (a[1] & b[3]) ^ (a[2] & b[2]) ^ (a[3] & b[1]);
    uint64_t x5 = (a[2] & b[3]) ^ (a[3] & b[2]);
    uint64_t x6 = a[3] & b[3];

    c[0] = (a[0] & b[0]) ^ x4;
    c[1] = (a[0] & b[1]) ^ (a[1] & b[0]) ^ x4 ^ x5;
    c[2] = (a[0] & b[2]) ^ (a[1] & b[1]) ^ (a[2] & b[0]) ^ x5 ^ x6;
    c[3] = (a[0] & b[3]) ^ (a[1] & b[2]) ^ (a[2] & b[1]) ^ (a[3] & b[0]) ^ x6;
}

/* 1 / a in GF(16), 0 for 0, as its algebraic normal form. */
static void invert_small(uint64_t *c, const uint64_t *a)
{
    uint64_t a01 = a[0] & a[1], a02 = a[0] & a[2], a03 = a[0] & a[3];
    uint64_t a12 = a[1] & a[2], a13 = a[1] & a[3], a23 = a[2] & a[3];
    uint64_t a123 = a12 & a[3];

    c[0] = a[0] ^ a[1] ^ a[2] ^ a[3] ^ a02 ^ a12 ^ (a01 & a[2]) ^ a123;
    c[1] = a[3] ^ a01 ^ a02 ^ a12 ^ a13 ^ (a01 & a[3]);
    c[2] = a[2] ^ a[3] ^ a01 ^ a02 ^ a03 ^ (a02 & a[3]);
    c[3] = a[1] ^ a[2] ^ a[3] ^ a03 ^ a13 ^ a23 ^ a123;
}

/* 1 / (p Y + q), in place; q is x[0] to x[3]. */
static void invert(slices x)
{
    uint64_t *q = x, *p = x + 4;
    uint64_t norm[4], inverse[4], sum[4];

    for (unsigned int i = 0; i < 4; i++)
        sum[i] = p[i] ^ q[i];
    multiply(norm, q, sum); /* p q + q^2 */
    norm[0] ^= p[2] ^ p[3]; /* A p^2 */
    norm[1] ^= p[0] ^ p[1];
    norm[2] ^= p[1] ^ p[2];
    norm[3] ^= p[0] ^ p[1] ^ p[2];
    invert_small(inverse, norm);
    multiply(q, sum, inverse);
    memcpy(sum, p, sizeof sum);
    multiply(p, sum, inverse);
}

static void substitute(slices x)
{
    slices b;

    memcpy(b, x, sizeof b);
    x[0] = b[0] ^ b[5];
    x[1] = b[2] ^ b[3] ^ b[5];
    x[2] = b[1] ^ b[6] ^ b[7];
    x[3] = b[1] ^ b[3] ^ b[6] ^ b[7];
    x[4] = b[2] ^ b[3] ^ b[4] ^ b[6] ^ b[7];
    x[5] = b[2] ^ b[3] ^ b[5] ^ b[7];
    x[6] = b[1] ^ b[4] ^ b[5] ^ b[6];
    x[7] = b[5] ^ b[7];
    invert(x);
    memcpy(b, x, sizeof b);
    x[0] = ~(b[0] ^ b[4] ^ b[5] ^ b[7]);
    x[1] = ~(b[0] ^ b[2]);
    x[2] = b[0] ^ b[1] ^ b[3];
    x[3] = b[0] ^ b[4] ^ b[6];
    x[4] = b[0] ^ b[1] ^ b[2] ^ b[4] ^ b[5] ^ b[7];
    x[5] = ~(b[1] ^ b[2] ^ b[4] ^ b[5] ^ b[7]);
    x[6] = ~(b[4] ^ b[7]);
    x[7] = b[1] ^ b[2] ^ b[3] ^ b[4];
}

static void substitute_back(slices x)
{
    slices b;

    memcpy(b, x, sizeof b);
    x[0] = ~(b[4] ^ b[5]);
    x[1] = ~(b[0] ^ b[1] ^ b[5]);
    x[2] = b[1] ^ b[4] ^ b[5];
    x[3] = b[0] ^ b[1] ^ b[2] ^ b[4];
    x[4] = ~(b[1] ^ b[2] ^ b[7]);
    x[5] = ~(b[0] ^ b[4] ^ b[5] ^ b[6]);
    x[6] = b[1] ^ b[2] ^ b[3] ^ b[4] ^ b[5] ^ b[7];
    x[7] = b[1] ^ b[2] ^ b[6] ^ b[7];
    invert(x);
    memcpy(b, x, sizeof b);
    x[0] = b[0] ^ b[1] ^ b[5] ^ b[7];
    x[1] = b[4] ^ b[5] ^ b[6];
    x[2] = b[2] ^ b[3] ^ b[5] ^ b[7];
    x[3] = b[2] ^ b[3];
    x[4] = b[2] ^ b[6] ^ b[7];
    x[5] = b[1] ^ b[5] ^ b[7];
    x[6] = b[1] ^ b[2] ^ b[4] ^ b[6];
    x[7] = b[1] ^ b[5];
}

void zc_aes_sliced_substitute(uint8_t word[4])
{
    uint8_t bytes[64] = {0};
    slices x;

    memcpy(bytes, word, 4);
    pack(x, bytes);
    substitute(x);
    unpack(x, bytes);
    memcpy(word, bytes, 4);
    zc_wipe(x, sizeof x);
    zc_wipe(bytes, sizeof bytes);
}

/* ---- rows and columns -------------------------------------------------------------------------------------------- */

/* Row `r` of each block, rotated by 4 `left` bits towards bit 0. */
static uint64_t rotated_row(uint64_t slice, unsigned int r, unsigned int left)
{
    uint64_t row = slice >> r & UINT64_C(0x1111111111111111);
    uint64_t stay = UINT64_C(0x0001000100010001) * (0xFFFFu >> 4 * left);

    return ((row >> 4 * left & stay) | (row << (16 - 4 * left) & ~stay)) << r;
}

/* ShiftRows with `by` 1, InvShiftRows with `by` 3 (FIPS 197, 5.1.2 and 5.3.1). */
static void shift_rows(slices x, unsigned int by)
{
    for (unsigned int i = 0; i < 8; i++) {
        uint64_t moved = x[i] & UINT64_C(0x1111111111111111);

        for (unsigned int r = 1; r < 4; r++)
            moved |= rotated_row(x[i], r, by * r % 4);
        x[i] = moved;
    }
}

/* Each byte becomes the one `rows` below it in its column. */
static uint64_t below(uint64_t slice, unsigned int rows)
{
    uint64_t stay = UINT64_C(0x1111111111111111) * (0xFu >> rows);

    return (slice >> rows & stay) | (slice << (4 - rows) & ~stay);
}

/* Times x in the AES field. */
static void times_x(slices x)
{
    uint64_t high = x[7];

    memmove(x + 1, x, 7 * sizeof x[0]);
    x[0] = high;
    x[1] ^= high;
    x[3] ^= high;
    x[4] ^= high;
}

/* MixColumns: with a' the byte below, 02 (a + a') + a' + the two below that (FIPS 197, 5.1.3). */
static void mix_columns(slices x)
{
    slices next, pair;

    for (unsigned int i = 0; i < 8; i++) {
        next[i] = below(x[i], 1);
        pair[i] = x[i] ^ next[i];
        next[i] ^= below(pair[i], 2);
    }
    times_x(pair);
    for (unsigned int i = 0; i < 8; i++)
        x[i] = pair[i] ^ next[i];
}

/* InvMixColumns is MixColumns of a + 04 (a + the byte two below): 0E 0B 0D 09 = 02 03 01 01 times 05 00 04 00. */
static void mix_columns_back(slices x)
{
    slices pair;

    for (unsigned int i = 0; i < 8; i++)
        pair[i] = x[i] ^ below(x[i], 2);
    times_x(pair);
    times_x(pair);
    for (unsigned int i = 0; i < 8; i++)
        x[i] ^= pair[i];
    mix_columns(x);
}

/* ---- keys and blocks --------------------------------------------------------------------------------------------- */

void zc_aes_sliced_keys(zc_aes *aes)
{
    uint8_t bytes[64] = {0};
    slices x;

    for (size_t round = 0; round <= aes->rounds; round++) {
        uint8_t *key = aes->keys + ROUND_KEY * round;

        memcpy(bytes, key, ROUND_KEY);
        pack(x, bytes);
        for (unsigned int i = 0; i < 8; i++) {
            key[2 * i] = (uint8_t)x[i];
            key[2 * i + 1] = (uint8_t)(x[i] >> 8);
        }
    }
    zc_wipe(x, sizeof x);
    zc_wipe(bytes, sizeof bytes);
}

static void add_key(slices x, const zc_aes *aes, uint32_t round)
{
    const uint8_t *key = aes->keys + ROUND_KEY * (size_t)round;

    for (unsigned int i = 0; i < 8; i++)
        x[i] ^= UINT64_C(0x0001000100010001) * (uint64_t)(key[2 * i] | key[2 * i + 1] << 8);
}

static void encrypt(const zc_aes *aes, slices x)
{
    add_key(x, aes, 0);
    for (uint32_t round = 1; round < aes->rounds; round++) {
        substitute(x);
        shift_rows(x, 1);
        mix_columns(x);
        add_key(x, aes, round);
    }
    substitute(x);
    shift_rows(x, 1);
    add_key(x, aes, aes->rounds);
}

static void decrypt(const zc_aes *aes, slices x)
{
    add_key(x, aes, aes->rounds);
    for (uint32_t round = aes->rounds - 1; round > 0; round--) {
        shift_rows(x, 3);
        substitute_back(x);
        add_key(x, aes, round);
        mix_columns_back(x);
    }
    shift_rows(x, 3);
    substitute_back(x);
    add_key(x, aes, 0);
}

static void in_groups(const zc_aes *aes, void (*cipher)(const zc_aes *, slices), const uint8_t *in, uint8_t *out,
                      size_t blocks)
{
    uint8_t bytes[64] = {0};
    slices x;

    while (blocks > 0) {
        size_t count = blocks < 4 ? blocks : 4;

        memcpy(bytes, in, 16 * count);
        pack(x, bytes);
        cipher(aes, x);
        unpack(x, bytes);
        memcpy(out, bytes, 16 * count);
        in += 16 * count;
        out += 16 * count;
        blocks -= count;
    }
    zc_wipe(x, sizeof x);
    zc_wipe(bytes, sizeof bytes);
}

void zc_aes_sliced_encrypt(const zc_aes *aes, const uint8_t *in, uint8_t *out, size_t blocks)
{
    in_groups(aes, encrypt, in, out, blocks);
}

void zc_aes_sliced_decrypt(const zc_aes *aes, const uint8_t *in, uint8_t *out, size_t blocks)
{
    in_groups(aes, decrypt, in, out, blocks);
}
