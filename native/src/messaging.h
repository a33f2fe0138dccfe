/* SPDX-License-Identifier: Apache-2.0
 * What the two secure messaging protocols have in common: AES-CBC over padded data, with an initialization vector that is the
 * encrypted counter of the command. */
#ifndef ZC_MESSAGING_H
#define ZC_MESSAGING_H

#include "zc.h"

/* The length with padding: 80 and as many 00 as fill the block, 1 to 16 bytes (ISO/IEC 7816-4:2020, 10.2.3.1). */
uint32_t zc_messaging_padded(uint32_t length);

/* Pad and encrypt in place; returns the new length. `direction` is the first byte of the counter block. */
uint32_t zc_messaging_encrypt(const zc_aes *enc, uint64_t counter, uint8_t direction, uint8_t *data, uint32_t length);

/* The same, and what `cmac` holds becomes that of `head` (at most 15 bytes) and the cipher text: at once where the processor has
 * AES, one after the other where it has not. `cmac` has taken whole blocks, one at least. */
uint32_t zc_messaging_encrypt_and_mac(const zc_aes *enc, uint64_t counter, uint8_t *data, uint32_t length, const zc_aes *mac,
                                      zc_cmac *cmac, const uint8_t *head, size_t head_length);

/* Decrypt in place and take the padding off; ZC_E_PADDING also for a length that is no number of blocks. */
zc_status zc_messaging_decrypt(const zc_aes *enc, uint64_t counter, uint8_t direction, uint8_t *data, size_t *length);

/* Choose the length form that a MAC can rely on: ZC_EITHER stays only for data over 255 bytes, which need three bytes of
 * length in the MAC whether they go in one extended command or in a chain. */
void zc_messaging_settle(zc_command *wrapped);

/* Whether an answer exceeds its command's Ne, where 256 and 65,536 mean as much as there is. */
int zc_messaging_too_long(size_t length, uint32_t ne);

#endif
