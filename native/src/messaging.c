/* SPDX-License-Identifier: Apache-2.0
 * Padding and encryption of secure messaging, both protocols. */
#include "messaging.h"

#include "aes.h"

#include <string.h>

enum { BLOCK = 16, MARK = 0x80 };

uint32_t zc_messaging_padded(uint32_t length)
{
    return (length / BLOCK + 1) * BLOCK;
}

static void initial(const zc_aes *enc, uint64_t counter, uint8_t direction, uint8_t chain[BLOCK])
{
    memset(chain, 0, BLOCK);
    chain[0] = direction;
    for (unsigned int i = 0; i < 8; i++)
        chain[BLOCK - 1 - i] = (uint8_t)(counter >> 8 * i);
    zc_aes_encrypt(enc, chain, chain, 1);
}

static uint32_t pad(uint8_t *data, uint32_t length)
{
    uint32_t whole = zc_messaging_padded(length);

    memset(data + length, 0, whole - length);
    data[length] = MARK;
    return whole;
}

uint32_t zc_messaging_encrypt(const zc_aes *enc, uint64_t counter, uint8_t direction, uint8_t *data, uint32_t length)
{
    uint32_t whole = pad(data, length);
    uint8_t chain[BLOCK];

    initial(enc, counter, direction, chain);
    zc_aes_cbc_encrypt(enc, chain, data, data, whole / BLOCK);
    return whole;
}

/* The MAC runs LAG blocks behind: it needs `head` and the cipher text before it, and reads what the encryption has just written
 * only once it has left the processor's store buffer. */
uint32_t zc_messaging_encrypt_and_mac(const zc_aes *enc, uint64_t counter, uint8_t *data, uint32_t length, const zc_aes *mac,
                                      zc_cmac *cmac, const uint8_t *head, size_t head_length)
{
    enum { LAG = 3 };
    uint32_t whole = pad(data, length), blocks = whole / BLOCK, together = blocks > LAG ? blocks - LAG : 0;
    size_t first = BLOCK - head_length;
    uint8_t chain[BLOCK];

    initial(enc, counter, 0, chain);
    zc_aes_cbc_encrypt(enc, chain, data, data, blocks - together);
    zc_cmac_update(cmac, mac, head, head_length);
    if (!enc->chip || together == 0) {
        zc_aes_cbc_encrypt(enc, chain, data + BLOCK * (blocks - together), data + BLOCK * (blocks - together), together);
        zc_cmac_update(cmac, mac, data, whole);
        return whole;
    }
    zc_cmac_update(cmac, mac, data, first + 1);
    zc_aes_chip_cbc_two(enc, chain, data + BLOCK * LAG, data + BLOCK * LAG, mac, cmac->chain, data + first, together);
    cmac->held = 0;
    zc_cmac_update(cmac, mac, data + first + BLOCK * together, whole - first - BLOCK * together);
    return whole;
}

zc_status zc_messaging_decrypt(const zc_aes *enc, uint64_t counter, uint8_t direction, uint8_t *data, size_t *length)
{
    uint8_t chain[BLOCK];
    size_t end = *length;

    if (end == 0 || end % BLOCK != 0)
        return ZC_E_PADDING;
    initial(enc, counter, direction, chain);
    zc_aes_cbc_decrypt(enc, chain, data, data, end / BLOCK);
    while (end > *length - BLOCK && data[end - 1] == 0)
        end--;
    if (end == *length - BLOCK || data[end - 1] != MARK)
        return ZC_E_PADDING;
    *length = end - 1;
    return ZC_OK;
}

void zc_messaging_settle(zc_command *wrapped)
{
    if (wrapped->extended == ZC_EITHER && wrapped->nc <= 255)
        wrapped->extended = ZC_SHORT;
}

zc_status zc_secure_wrap(zc_secure *secure, zc_command *command, uint8_t *data, size_t capacity)
{
    switch (secure->kind) {
    case ZC_SECURE_SCP03: return zc_scp03_wrap(&secure->of.scp03, command, data, capacity);
    case ZC_SECURE_PIV: return zc_piv_wrap(&secure->of.piv, command, data, capacity);
    default: return ZC_E_CLOSED;
    }
}

zc_status zc_secure_unwrap(zc_secure *secure, uint8_t *data, size_t *length, uint16_t *sw)
{
    switch (secure->kind) {
    case ZC_SECURE_SCP03: return zc_scp03_unwrap(&secure->of.scp03, data, length, *sw);
    case ZC_SECURE_PIV: return zc_piv_unwrap(&secure->of.piv, data, length, sw);
    default:
        zc_wipe(data, *length);
        *length = 0;
        return ZC_E_CLOSED;
    }
}

int zc_messaging_too_long(size_t length, uint32_t ne)
{
    return ne != 256 && ne != 65536 && length > ne;
}
