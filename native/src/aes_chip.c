/* SPDX-License-Identifier: Apache-2.0
 * AES with the processor's own instructions: AES-NI on x86, the Cryptography Extension on 64-bit ARM. On any other processor
 * zc_aes_chip_present says 0 and the rest is never called.
 *
 * Both families compute one round on a register of 16 bytes in a time that depends on nothing; they differ in when the round
 * key is added. What is written below once is written in terms of five operations that each family defines. */
#include "aes.h"

#include <string.h>

#if defined(__x86_64__) || defined(_M_X64) || defined(__i386__)
#define ZC_AES_X86
#elif defined(_M_ARM64) || (defined(__aarch64__) && (!defined(__clang__) || __clang_major__ >= 16 || defined(__ARM_FEATURE_AES)))
#define ZC_AES_ARM /* before 16, clang's header hides the intrinsics unless the whole build may use them */
#endif

#if defined(ZC_AES_X86)

#include <emmintrin.h>
#include <wmmintrin.h>
#if defined(_MSC_VER)
#include <intrin.h>
#endif
#if defined(__GNUC__) || defined(__clang__)
#define TARGET __attribute__((target("aes,sse2")))
#else
#define TARGET
#endif

typedef __m128i block;

int zc_aes_chip_present(void)
{
#if defined(_MSC_VER)
    int registers[4];

    __cpuid(registers, 1);
    return registers[2] >> 25 & 1;
#else
    return __builtin_cpu_supports("aes") != 0;
#endif
}

TARGET static inline block load(const uint8_t *bytes)
{
    return _mm_loadu_si128((const __m128i *)(const void *)bytes);
}

TARGET static inline void store(uint8_t *bytes, block x)
{
    _mm_storeu_si128((__m128i *)(void *)bytes, x);
}

TARGET static inline block add(block a, block b)
{
    return _mm_xor_si128(a, b);
}

TARGET static inline block zero(void)
{
    return _mm_setzero_si128();
}

/* The round keys of the equivalent inverse cipher (FIPS 197, 5.3.5). */
TARGET static inline block back_key(block key)
{
    return _mm_aesimc_si128(key);
}

/* `x` already has the first key added. */
#define BEGIN(x, key) ((x) = add((x), (key)))
#define ROUND(x, key) ((x) = _mm_aesenc_si128((x), (key)))
#define FINISH(x, key) ((x) = _mm_aesenclast_si128((x), (key)))
#define ROUND_BACK(x, key) ((x) = _mm_aesdec_si128((x), (key)))
#define FINISH_BACK(x, key) ((x) = _mm_aesdeclast_si128((x), (key)))

TARGET static inline block substituted(block x)
{
    return _mm_aesenclast_si128(x, zero());
}

#elif defined(ZC_AES_ARM)

#include <arm_neon.h>
#if defined(_MSC_VER)
#include <windows.h>
#define TARGET
#else
#if defined(__linux__)
#include <sys/auxv.h>
#define HWCAP_AES_BIT (1UL << 3)
#endif
#if defined(__clang__)
#define TARGET __attribute__((target("aes")))
#else
#define TARGET __attribute__((target("+crypto")))
#endif
#endif

typedef uint8x16_t block;

int zc_aes_chip_present(void)
{
#if defined(_MSC_VER)
    return IsProcessorFeaturePresent(PF_ARM_V8_CRYPTO_INSTRUCTIONS_AVAILABLE) != 0;
#elif defined(__linux__)
    return (getauxval(AT_HWCAP) & HWCAP_AES_BIT) != 0;
#elif defined(__APPLE__)
    return 1;
#else
    return 0;
#endif
}

TARGET static inline block load(const uint8_t *bytes)
{
    return vld1q_u8(bytes);
}

TARGET static inline void store(uint8_t *bytes, block x)
{
    vst1q_u8(bytes, x);
}

TARGET static inline block add(block a, block b)
{
    return veorq_u8(a, b);
}

TARGET static inline block zero(void)
{
    return vdupq_n_u8(0);
}

TARGET static inline block back_key(block key)
{
    return vaesimcq_u8(key);
}

/* AESE adds its key before SubBytes, so with a key of zero it is a round without one, and the keys are added after. */
#define BEGIN(x, key) ((x) = add((x), (key)))
#define ROUND(x, key) ((x) = add(vaesmcq_u8(vaeseq_u8((x), zero())), (key)))
#define FINISH(x, key) ((x) = add(vaeseq_u8((x), zero()), (key)))
#define ROUND_BACK(x, key) ((x) = add(vaesimcq_u8(vaesdq_u8((x), zero())), (key)))
#define FINISH_BACK(x, key) ((x) = add(vaesdq_u8((x), zero()), (key)))

TARGET static inline block substituted(block x)
{
    return vaeseq_u8(x, zero());
}

#endif

#if defined(ZC_AES_X86) || defined(ZC_AES_ARM)

enum { LANES = 4, ROUNDS_MAX = 14 };

typedef struct {
    block key[ROUNDS_MAX + 1];
} schedule;

/* The word in all four columns: ShiftRows then moves each byte to where its like was. */
TARGET void zc_aes_chip_substitute(uint8_t word[4])
{
    uint8_t bytes[16];

    for (size_t i = 0; i < 16; i++)
        bytes[i] = word[i % 4];
    store(bytes, substituted(load(bytes)));
    memcpy(word, bytes, 4);
    zc_wipe(bytes, sizeof bytes);
}

/* In the order in which the equivalent inverse cipher takes them. */
TARGET static inline void load_back_keys(const zc_aes *aes, schedule *s)
{
    uint32_t last = aes->rounds;

    s->key[0] = load(aes->keys + 16 * (size_t)last);
    for (uint32_t i = 1; i < last; i++)
        s->key[i] = back_key(load(aes->keys + 16 * (size_t)(last - i)));
    s->key[last] = load(aes->keys);
}

TARGET static inline block forth(const zc_aes *aes, block x)
{
    const uint8_t *key = aes->keys;

    BEGIN(x, load(key));
    for (uint32_t i = 1; i < aes->rounds; i++)
        ROUND(x, load(key + 16 * (size_t)i));
    FINISH(x, load(key + 16 * (size_t)aes->rounds));
    return x;
}

TARGET static inline block back(const schedule *s, uint32_t rounds, block x)
{
    BEGIN(x, s->key[0]);
    for (uint32_t i = 1; i < rounds; i++)
        ROUND_BACK(x, s->key[i]);
    FINISH_BACK(x, s->key[rounds]);
    return x;
}

/* Independent blocks keep the unit busy: an instruction takes several cycles but one may begin in each. */
TARGET static inline void four_back(const schedule *s, uint32_t rounds, block *x)
{
    for (int lane = 0; lane < LANES; lane++)
        BEGIN(x[lane], s->key[0]);
    for (uint32_t i = 1; i < rounds; i++)
        for (int lane = 0; lane < LANES; lane++)
            ROUND_BACK(x[lane], s->key[i]);
    for (int lane = 0; lane < LANES; lane++)
        FINISH_BACK(x[lane], s->key[rounds]);
}

TARGET void zc_aes_chip_encrypt(const zc_aes *aes, const uint8_t *in, uint8_t *out, size_t blocks)
{
    for (size_t i = 0; i < blocks; i++)
        store(out + 16 * i, forth(aes, load(in + 16 * i)));
}

TARGET void zc_aes_chip_decrypt(const zc_aes *aes, const uint8_t *in, uint8_t *out, size_t blocks)
{
    schedule s;

    load_back_keys(aes, &s);
    for (size_t i = 0; i < blocks; i++)
        store(out + 16 * i, back(&s, aes->rounds, load(in + 16 * i)));
    zc_wipe(&s, sizeof s);
}

TARGET void zc_aes_chip_cbc_encrypt(const zc_aes *aes, uint8_t chain[16], const uint8_t *in, uint8_t *out, size_t blocks)
{
    block x = load(chain);

    for (size_t i = 0; i < blocks; i++) {
        x = forth(aes, add(x, load(in + 16 * i)));
        if (out != NULL)
            store(out + 16 * i, x);
    }
    store(chain, x);
}

TARGET void zc_aes_chip_cbc_two(const zc_aes *aes, uint8_t chain[16], const uint8_t *in, uint8_t *out, const zc_aes *mac,
                                uint8_t mac_chain[16], const uint8_t *mac_in, size_t blocks)
{
    block x = load(chain), y = load(mac_chain);
    uint32_t last = aes->rounds;

    for (size_t i = 0; i < blocks; i++) {
        x = add(x, load(in + 16 * i));
        y = add(y, load(mac_in + 16 * i));
        BEGIN(x, load(aes->keys));
        BEGIN(y, load(mac->keys));
        for (uint32_t round = 1; round < last; round++) {
            ROUND(x, load(aes->keys + 16 * (size_t)round));
            ROUND(y, load(mac->keys + 16 * (size_t)round));
        }
        FINISH(x, load(aes->keys + 16 * (size_t)last));
        FINISH(y, load(mac->keys + 16 * (size_t)last));
        store(out + 16 * i, x);
    }
    store(chain, x);
    store(mac_chain, y);
}

TARGET static size_t cbc_fours_back(const schedule *s, uint32_t rounds, block *before, const uint8_t *in, uint8_t *out,
                                    size_t blocks)
{
    size_t i = 0;

    for (; blocks - i >= LANES; i += LANES) {
        block x[LANES], given[LANES];

        for (size_t lane = 0; lane < LANES; lane++)
            x[lane] = given[lane] = load(in + 16 * (i + lane));
        four_back(s, rounds, x);
        for (size_t lane = 0; lane < LANES; lane++) {
            store(out + 16 * (i + lane), add(x[lane], *before));
            *before = given[lane];
        }
    }
    return i;
}

TARGET void zc_aes_chip_cbc_decrypt(const zc_aes *aes, uint8_t chain[16], const uint8_t *in, uint8_t *out, size_t blocks)
{
    schedule s;
    block before = load(chain);

    load_back_keys(aes, &s);
    for (size_t i = cbc_fours_back(&s, aes->rounds, &before, in, out, blocks); i < blocks; i++) {
        block given = load(in + 16 * i);

        store(out + 16 * i, add(back(&s, aes->rounds, given), before));
        before = given;
    }
    store(chain, before);
    zc_wipe(&s, sizeof s);
}

#else

int zc_aes_chip_present(void)
{
    return 0;
}

void zc_aes_chip_substitute(uint8_t word[4])
{
    zc_aes_sliced_substitute(word);
}

void zc_aes_chip_encrypt(const zc_aes *aes, const uint8_t *in, uint8_t *out, size_t blocks)
{
    zc_aes_sliced_encrypt(aes, in, out, blocks);
}

void zc_aes_chip_decrypt(const zc_aes *aes, const uint8_t *in, uint8_t *out, size_t blocks)
{
    zc_aes_sliced_decrypt(aes, in, out, blocks);
}

void zc_aes_chip_cbc_encrypt(const zc_aes *aes, uint8_t chain[16], const uint8_t *in, uint8_t *out, size_t blocks)
{
    zc_aes_cbc_encrypt(aes, chain, in, out, blocks);
}

void zc_aes_chip_cbc_two(const zc_aes *aes, uint8_t chain[16], const uint8_t *in, uint8_t *out, const zc_aes *mac,
                         uint8_t mac_chain[16], const uint8_t *mac_in, size_t blocks)
{
    zc_aes_cbc_encrypt(aes, chain, in, out, blocks);
    zc_aes_cbc_encrypt(mac, mac_chain, mac_in, NULL, blocks);
}

void zc_aes_chip_cbc_decrypt(const zc_aes *aes, uint8_t chain[16], const uint8_t *in, uint8_t *out, size_t blocks)
{
    zc_aes_cbc_decrypt(aes, chain, in, out, blocks);
}

#endif
