/* SPDX-License-Identifier: Apache-2.0
 * SHA-256 and SHA-384 (FIPS 180-4), for key derivation only: no message that matters is long, so one is hashed whole, from the
 * parts that make it up. SHA-256's constants are the left halves of SHA-384's. */
#include "sha2.h"

#include <string.h>

/* Fractions of the cube roots of the first 80 primes (4.2.2, 4.2.3). */
static const uint64_t constants[80] = {
    UINT64_C(0x428A2F98D728AE22), UINT64_C(0x7137449123EF65CD), UINT64_C(0xB5C0FBCFEC4D3B2F), UINT64_C(0xE9B5DBA58189DBBC),
    UINT64_C(0x3956C25BF348B538), UINT64_C(0x59F111F1B605D019), UINT64_C(0x923F82A4AF194F9B), UINT64_C(0xAB1C5ED5DA6D8118),
    UINT64_C(0xD807AA98A3030242), UINT64_C(0x12835B0145706FBE), UINT64_C(0x243185BE4EE4B28C), UINT64_C(0x550C7DC3D5FFB4E2),
    UINT64_C(0x72BE5D74F27B896F), UINT64_C(0x80DEB1FE3B1696B1), UINT64_C(0x9BDC06A725C71235), UINT64_C(0xC19BF174CF692694),
    UINT64_C(0xE49B69C19EF14AD2), UINT64_C(0xEFBE4786384F25E3), UINT64_C(0x0FC19DC68B8CD5B5), UINT64_C(0x240CA1CC77AC9C65),
    UINT64_C(0x2DE92C6F592B0275), UINT64_C(0x4A7484AA6EA6E483), UINT64_C(0x5CB0A9DCBD41FBD4), UINT64_C(0x76F988DA831153B5),
    UINT64_C(0x983E5152EE66DFAB), UINT64_C(0xA831C66D2DB43210), UINT64_C(0xB00327C898FB213F), UINT64_C(0xBF597FC7BEEF0EE4),
    UINT64_C(0xC6E00BF33DA88FC2), UINT64_C(0xD5A79147930AA725), UINT64_C(0x06CA6351E003826F), UINT64_C(0x142929670A0E6E70),
    UINT64_C(0x27B70A8546D22FFC), UINT64_C(0x2E1B21385C26C926), UINT64_C(0x4D2C6DFC5AC42AED), UINT64_C(0x53380D139D95B3DF),
    UINT64_C(0x650A73548BAF63DE), UINT64_C(0x766A0ABB3C77B2A8), UINT64_C(0x81C2C92E47EDAEE6), UINT64_C(0x92722C851482353B),
    UINT64_C(0xA2BFE8A14CF10364), UINT64_C(0xA81A664BBC423001), UINT64_C(0xC24B8B70D0F89791), UINT64_C(0xC76C51A30654BE30),
    UINT64_C(0xD192E819D6EF5218), UINT64_C(0xD69906245565A910), UINT64_C(0xF40E35855771202A), UINT64_C(0x106AA07032BBD1B8),
    UINT64_C(0x19A4C116B8D2D0C8), UINT64_C(0x1E376C085141AB53), UINT64_C(0x2748774CDF8EEB99), UINT64_C(0x34B0BCB5E19B48A8),
    UINT64_C(0x391C0CB3C5C95A63), UINT64_C(0x4ED8AA4AE3418ACB), UINT64_C(0x5B9CCA4F7763E373), UINT64_C(0x682E6FF3D6B2B8A3),
    UINT64_C(0x748F82EE5DEFB2FC), UINT64_C(0x78A5636F43172F60), UINT64_C(0x84C87814A1F0AB72), UINT64_C(0x8CC702081A6439EC),
    UINT64_C(0x90BEFFFA23631E28), UINT64_C(0xA4506CEBDE82BDE9), UINT64_C(0xBEF9A3F7B2C67915), UINT64_C(0xC67178F2E372532B),
    UINT64_C(0xCA273ECEEA26619C), UINT64_C(0xD186B8C721C0C207), UINT64_C(0xEADA7DD6CDE0EB1E), UINT64_C(0xF57D4F7FEE6ED178),
    UINT64_C(0x06F067AA72176FBA), UINT64_C(0x0A637DC5A2C898A6), UINT64_C(0x113F9804BEF90DAE), UINT64_C(0x1B710B35131C471B),
    UINT64_C(0x28DB77F523047D84), UINT64_C(0x32CAAB7B40C72493), UINT64_C(0x3C9EBE0A15C9BEBC), UINT64_C(0x431D67C49C100D4C),
    UINT64_C(0x4CC5D4BECB3E42B6), UINT64_C(0x597F299CFC657E2A), UINT64_C(0x5FCB6FAB3AD6FAEC), UINT64_C(0x6C44198C4A475817),
};

/* Fractions of the square roots of the first 16 primes: SHA-256 begins with the first eight (5.3.3), SHA-384 with the others
 * (5.3.4). */
static const uint64_t roots[16] = {
    UINT64_C(0x6A09E667F3BCC908), UINT64_C(0xBB67AE8584CAA73B), UINT64_C(0x3C6EF372FE94F82B), UINT64_C(0xA54FF53A5F1D36F1),
    UINT64_C(0x510E527FADE682D1), UINT64_C(0x9B05688C2B3E6C1F), UINT64_C(0x1F83D9ABFB41BD6B), UINT64_C(0x5BE0CD19137E2179),
    UINT64_C(0xCBBB9D5DC1059ED8), UINT64_C(0x629A292A367CD507), UINT64_C(0x9159015A3070DD17), UINT64_C(0x152FECD8F70E5939),
    UINT64_C(0x67332667FFC00B31), UINT64_C(0x8EB44A8768581511), UINT64_C(0xDB0C2E0D64F98FA7), UINT64_C(0x47B5481DBEFA4FA4),
};

typedef struct {
    uint64_t h[8];
    uint64_t length;     /* of the message so far */
    uint8_t block[128];
    uint32_t wide;       /* 0: SHA-256, words of 4 bytes; 1: SHA-384, of 8 */
} hash;

/* Each word of SHA-256 is kept in the low half of 64 bits. */
static uint64_t rotate(const hash *s, uint64_t x, unsigned int wide_by, unsigned int by)
{
    return s->wide ? x >> wide_by | x << (64 - wide_by) : (uint64_t)((uint32_t)x >> by | (uint32_t)x << (32 - by));
}

static uint64_t spread_0(const hash *s, uint64_t x)
{
    uint64_t shifted = s->wide ? x >> 7 : (uint32_t)x >> 3;

    return rotate(s, x, 1, 7) ^ rotate(s, x, 8, 18) ^ shifted;
}

static uint64_t spread_1(const hash *s, uint64_t x)
{
    uint64_t shifted = s->wide ? x >> 6 : (uint32_t)x >> 10;

    return rotate(s, x, 19, 17) ^ rotate(s, x, 61, 19) ^ shifted;
}

static uint64_t sum_0(const hash *s, uint64_t x)
{
    return rotate(s, x, 28, 2) ^ rotate(s, x, 34, 13) ^ rotate(s, x, 39, 22);
}

static uint64_t sum_1(const hash *s, uint64_t x)
{
    return rotate(s, x, 14, 6) ^ rotate(s, x, 18, 11) ^ rotate(s, x, 41, 25);
}

static size_t word_size(const hash *s)
{
    return s->wide ? 8 : 4;
}

static void load_words(const hash *s, uint64_t *w)
{
    size_t size = word_size(s);

    for (size_t i = 0; i < 16; i++) {
        w[i] = 0;
        for (size_t j = 0; j < size; j++)
            w[i] = w[i] << 8 | s->block[size * i + j];
    }
}

/* One block (6.2.2, 6.4.2); the schedule is kept in a ring of sixteen words. */
static void compress(hash *s)
{
    uint64_t w[16], v[8];

    load_words(s, w);
    memcpy(v, s->h, sizeof v);
    for (size_t t = 0; t < (s->wide ? 80u : 64u); t++) {
        uint64_t constant = s->wide ? constants[t] : constants[t] >> 32, first, second;

        if (t >= 16)
            w[t % 16] += spread_1(s, w[(t - 2) % 16]) + w[(t - 7) % 16] + spread_0(s, w[(t - 15) % 16]);
        first = v[7] + sum_1(s, v[4]) + ((v[4] & v[5]) ^ (~v[4] & v[6])) + constant + w[t % 16];
        second = sum_0(s, v[0]) + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof v[0]);
        v[4] += first;
        v[0] = first + second;
    }
    for (size_t i = 0; i < 8; i++)
        s->h[i] += v[i];
    zc_wipe(w, sizeof w);
    zc_wipe(v, sizeof v);
}

static void begin(hash *s, int wide)
{
    memset(s, 0, sizeof *s);
    s->wide = wide != 0;
    for (size_t i = 0; i < 8; i++)
        s->h[i] = wide ? roots[8 + i] : roots[i] >> 32;
}

static void update(hash *s, const uint8_t *data, size_t length)
{
    size_t block = 16 * word_size(s);

    for (size_t i = 0; i < length; i++) {
        s->block[s->length++ % block] = data[i];
        if (s->length % block == 0)
            compress(s);
    }
}

/* Padding and length (5.1): the length field is two words, and no message here needs more than the last eight bytes of it. */
static void finish(hash *s)
{
    static const uint8_t mark = 0x80;
    size_t field = 2 * word_size(s), block = 8 * field;
    uint8_t length[16] = {0};

    for (unsigned int i = 0; i < 8; i++)
        length[field - 1 - i] = (uint8_t)(s->length * 8 >> 8 * i);
    update(s, &mark, 1);
    while (s->length % block != block - field)
        update(s, (const uint8_t[]){0}, 1);
    update(s, length, field);
}

size_t zc_sha2(int wide, const zc_part *parts, size_t count, uint8_t *digest)
{
    size_t length = wide ? 48 : 32, size;
    hash s;

    begin(&s, wide);
    size = word_size(&s);
    for (size_t i = 0; i < count; i++)
        update(&s, parts[i].bytes, parts[i].length);
    finish(&s);
    for (size_t i = 0; i < length; i++)
        digest[i] = (uint8_t)(s.h[i / size] >> 8 * (size - 1 - i % size));
    zc_wipe(&s, sizeof s);
    return length;
}
