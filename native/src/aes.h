/* SPDX-License-Identifier: Apache-2.0
 * The two ways to compute AES, for aes.c: the processor's instructions, and bit slices that run anywhere. Both take blocks
 * in place (`in` = `out`). */
#ifndef ZC_AES_H
#define ZC_AES_H

#include "zc.h"

enum { ZC_AES_KEYS_MAX = 240 };

/* Whether this processor has the instructions, and SubWord (FIPS 197, 5.2) of one word of the key schedule. */
int zc_aes_chip_present(void);
void zc_aes_chip_substitute(uint8_t word[4]);

void zc_aes_chip_encrypt(const zc_aes *aes, const uint8_t *in, uint8_t *out, size_t blocks);
void zc_aes_chip_decrypt(const zc_aes *aes, const uint8_t *in, uint8_t *out, size_t blocks);

/* `out` NULL: keep nothing but the last block, in `chain`. */
void zc_aes_chip_cbc_encrypt(const zc_aes *aes, uint8_t chain[16], const uint8_t *in, uint8_t *out, size_t blocks);
void zc_aes_chip_cbc_decrypt(const zc_aes *aes, uint8_t chain[16], const uint8_t *in, uint8_t *out, size_t blocks);

/* CBC encryption of one message and CBC-MAC over another of as many blocks, side by side: each chain alone would leave the unit
 * idle for most of its time. Both keys have one length. `mac_in` may be what is being written to `out`, at least two blocks
 * behind. */
void zc_aes_chip_cbc_two(const zc_aes *aes, uint8_t chain[16], const uint8_t *in, uint8_t *out, const zc_aes *mac,
                         uint8_t mac_chain[16], const uint8_t *mac_in, size_t blocks);

void zc_aes_sliced_substitute(uint8_t word[4]);

/* Round keys in the order of FIPS 197 become slices, in place. */
void zc_aes_sliced_keys(zc_aes *aes);
void zc_aes_sliced_encrypt(const zc_aes *aes, const uint8_t *in, uint8_t *out, size_t blocks);
void zc_aes_sliced_decrypt(const zc_aes *aes, const uint8_t *in, uint8_t *out, size_t blocks);

#endif
