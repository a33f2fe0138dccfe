/* SPDX-License-Identifier: Apache-2.0
 * AES: the key schedule, and CBC on either way to compute the cipher. */
#include "aes.h"

#include <string.h>

static void substitute(const zc_aes *aes, uint8_t word[4])
{
    if (aes->chip)
        zc_aes_chip_substitute(word);
    else
        zc_aes_sliced_substitute(word);
}

/* SubWord of RotWord, and the round constant (FIPS 197, 5.2). */
static void turn(const zc_aes *aes, uint8_t word[4], uint8_t constant)
{
    uint8_t first = word[0];

    memmove(word, word + 1, 3);
    word[3] = first;
    substitute(aes, word);
    word[0] ^= constant;
}

static void expand(zc_aes *aes, size_t key_length)
{
    const size_t end = 16 * ((size_t)aes->rounds + 1);
    uint8_t *keys = aes->keys;
    uint8_t word[4];
    unsigned int constant = 1;

    for (size_t at = key_length; at < end; at += 4) {
        memcpy(word, keys + at - 4, 4);
        if (at % key_length == 0) {
            turn(aes, word, (uint8_t)constant);
            constant = constant << 1 ^ (constant >> 7) * 0x11B;
        } else if (key_length == 32 && at % 32 == 16) {
            substitute(aes, word);
        }
        for (size_t i = 0; i < 4; i++)
            keys[at + i] = keys[at + i - key_length] ^ word[i];
    }
    zc_wipe(word, sizeof word);
}

int zc_aes_hardware(void)
{
    return zc_aes_chip_present();
}

zc_status zc_aes_init(zc_aes *aes, const uint8_t *key, size_t key_length, uint32_t flags)
{
    memset(aes, 0, sizeof *aes);
    if (key_length != 16 && key_length != 24 && key_length != 32)
        return ZC_E_RANGE;
    aes->rounds = (uint32_t)(key_length / 4 + 6);
    aes->chip = !(flags & ZC_AES_PORTABLE) && zc_aes_chip_present();
    memcpy(aes->keys, key, key_length);
    expand(aes, key_length);
    if (!aes->chip)
        zc_aes_sliced_keys(aes);
    return ZC_OK;
}

void zc_aes_encrypt(const zc_aes *aes, const uint8_t *in, uint8_t *out, size_t blocks)
{
    if (aes->chip)
        zc_aes_chip_encrypt(aes, in, out, blocks);
    else
        zc_aes_sliced_encrypt(aes, in, out, blocks);
}

void zc_aes_decrypt(const zc_aes *aes, const uint8_t *in, uint8_t *out, size_t blocks)
{
    if (aes->chip)
        zc_aes_chip_decrypt(aes, in, out, blocks);
    else
        zc_aes_sliced_decrypt(aes, in, out, blocks);
}

static void add(uint8_t *to, const uint8_t *block)
{
    for (size_t i = 0; i < 16; i++)
        to[i] ^= block[i];
}

void zc_aes_cbc_encrypt(const zc_aes *aes, uint8_t *chain, const uint8_t *in, uint8_t *out, size_t blocks)
{
    if (aes->chip) {
        zc_aes_chip_cbc_encrypt(aes, chain, in, out, blocks);
        return;
    }
    for (size_t i = 0; i < blocks; i++) {
        add(chain, in + 16 * i);
        zc_aes_sliced_encrypt(aes, chain, chain, 1);
        if (out != NULL)
            memcpy(out + 16 * i, chain, 16);
    }
}

/* Four blocks at a time; what is encrypted is kept aside, for `out` may be `in`. */
void zc_aes_cbc_decrypt(const zc_aes *aes, uint8_t *chain, const uint8_t *in, uint8_t *out, size_t blocks)
{
    uint8_t group[64];

    if (aes->chip) {
        zc_aes_chip_cbc_decrypt(aes, chain, in, out, blocks);
        return;
    }
    while (blocks > 0) {
        size_t count = blocks < 4 ? blocks : 4;

        memcpy(group, in, 16 * count);
        zc_aes_sliced_decrypt(aes, group, out, count);
        for (size_t i = 0; i < count; i++) {
            add(out + 16 * i, chain);
            memcpy(chain, group + 16 * i, 16);
        }
        in += 16 * count;
        out += 16 * count;
        blocks -= count;
    }
}
