/* SPDX-License-Identifier: Apache-2.0
 * CMAC (SP 800-38B) and the key derivation of SCP03 on it (SP 800-108, 4.1; GlobalPlatform Amendment D, 4.1.5). */
#include "zc.h"

#include <string.h>

/* Times x in GF(2^128), in a time that does not depend on the block (SP 800-38B, 6.1). */
static void times_x(uint8_t block[16])
{
    uint8_t high = block[0] >> 7;

    for (size_t i = 0; i < 15; i++)
        block[i] = (uint8_t)(block[i] << 1 | block[i + 1] >> 7);
    block[15] = (uint8_t)(block[15] << 1 ^ (0x87 & -high));
}

void zc_cmac_begin(zc_cmac *cmac)
{
    memset(cmac, 0, sizeof *cmac);
}

/* A block is added once it is known not to be the last one. */
void zc_cmac_update(zc_cmac *cmac, const zc_aes *aes, const uint8_t *data, size_t length)
{
    size_t room = 16 - cmac->held, part = length < room ? length : room;

    if (length == 0)
        return;
    memcpy(cmac->last + cmac->held, data, part);
    cmac->held += (uint32_t)part;
    data += part;
    length -= part;
    if (length == 0)
        return;
    zc_aes_cbc_encrypt(aes, cmac->chain, cmac->last, NULL, 1);
    zc_aes_cbc_encrypt(aes, cmac->chain, data, NULL, (length - 1) / 16);
    data += (length - 1) / 16 * 16;
    length = (length - 1) % 16 + 1;
    memcpy(cmac->last, data, length);
    cmac->held = (uint32_t)length;
}

void zc_cmac_end(zc_cmac *cmac, const zc_aes *aes, uint8_t *tag)
{
    uint8_t subkey[16] = {0};

    zc_aes_encrypt(aes, subkey, subkey, 1);
    times_x(subkey);
    if (cmac->held < 16) {
        times_x(subkey);
        memset(cmac->last + cmac->held, 0, 16 - cmac->held);
        cmac->last[cmac->held] = 0x80;
    }
    for (size_t i = 0; i < 16; i++)
        cmac->last[i] ^= subkey[i];
    zc_aes_cbc_encrypt(aes, cmac->chain, cmac->last, NULL, 1);
    memcpy(tag, cmac->chain, 16);
    zc_wipe(subkey, sizeof subkey);
    zc_wipe(cmac, sizeof *cmac);
}

zc_status zc_kdf_counter(const zc_aes *aes, uint8_t constant, const uint8_t *context, size_t context_length, uint8_t *out,
                         size_t length)
{
    uint8_t head[16] = {0}, block[16];
    zc_cmac cmac;

    if (length == 0 || length > ZC_KDF_MAX)
        return ZC_E_RANGE;
    head[11] = constant;
    head[13] = (uint8_t)(length * 8 >> 8);
    head[14] = (uint8_t)(length * 8);
    for (size_t done = 0; done < length; done += 16) {
        head[15] = (uint8_t)(done / 16 + 1);
        zc_cmac_begin(&cmac);
        zc_cmac_update(&cmac, aes, head, sizeof head);
        zc_cmac_update(&cmac, aes, context, context_length);
        zc_cmac_end(&cmac, aes, block);
        memcpy(out + done, block, length - done < 16 ? length - done : 16);
    }
    zc_wipe(block, sizeof block);
    return ZC_OK;
}
