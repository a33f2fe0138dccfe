/* SPDX-License-Identifier: Apache-2.0
 * GlobalPlatform SCP03, the off-card end. Numbers in brackets are clauses of Amendment D, version 1.2. */
#include "zc.h"

#include "messaging.h"

#include <string.h>

enum { CLOSED, PROVEN, OPEN };
enum { CARD_CRYPTOGRAM = 0x00, HOST_CRYPTOGRAM = 0x01, S_ENC = 0x04, S_MAC = 0x06, S_RMAC = 0x07 };
enum { SECURE = 0x04, RESPONSE = 0x80, PROTOCOL = 0x03, UPDATE_HEAD = 13, SEQUENCE = 3 };
enum { EXTERNAL_AUTHENTICATE_CLA = 0x84, EXTERNAL_AUTHENTICATE_INS = 0x82 };

void zc_scp03_close(zc_scp03 *channel)
{
    zc_wipe(channel, sizeof *channel);
}

static zc_status fail(zc_scp03 *channel, zc_status status)
{
    zc_scp03_close(channel);
    return status;
}

/* ---- keys and cryptograms (6.2.1, 6.2.2) -------------------------------------------------------------------------- */

static void session_key(zc_aes *session, const zc_aes *fixed, uint8_t constant, const uint8_t *context, size_t size,
                        size_t key_length, uint32_t flags)
{
    uint8_t key[32];

    (void)zc_kdf_counter(fixed, constant, context, 2 * size, key, key_length);
    (void)zc_aes_init(session, key, key_length, flags);
    zc_wipe(key, sizeof key);
}

static void session_keys(zc_scp03 *channel, const zc_aes *enc, const zc_aes *mac, const uint8_t *context,
                         size_t key_length, uint32_t flags)
{
    session_key(&channel->enc, enc, S_ENC, context, channel->size, key_length, flags);
    session_key(&channel->mac, mac, S_MAC, context, channel->size, key_length, flags);
    session_key(&channel->rmac, mac, S_RMAC, context, channel->size, key_length, flags);
}

zc_status zc_scp03_derive(zc_scp03 *channel, const uint8_t *enc, const uint8_t *mac, size_t key_length, uint32_t flags,
                          const uint8_t *host_challenge, const uint8_t *card_challenge, size_t size,
                          uint8_t *card_cryptogram, uint8_t *host_cryptogram)
{
    uint8_t context[32];
    zc_aes fixed_enc, fixed_mac;

    memset(channel, 0, sizeof *channel);
    if (size != 8 && size != 16)
        return ZC_E_RANGE;
    if (zc_aes_init(&fixed_enc, enc, key_length, flags) != ZC_OK)
        return ZC_E_RANGE;
    (void)zc_aes_init(&fixed_mac, mac, key_length, flags);
    memcpy(context, host_challenge, size);
    memcpy(context + size, card_challenge, size);
    channel->size = (uint8_t)size;
    session_keys(channel, &fixed_enc, &fixed_mac, context, key_length, flags);
    (void)zc_kdf_counter(&channel->mac, CARD_CRYPTOGRAM, context, 2 * size, card_cryptogram, size);
    (void)zc_kdf_counter(&channel->mac, HOST_CRYPTOGRAM, context, 2 * size, host_cryptogram, size);
    zc_wipe(&fixed_enc, sizeof fixed_enc);
    zc_wipe(&fixed_mac, sizeof fixed_mac);
    return ZC_OK;
}

static zc_status check_update(const uint8_t *update, size_t length, size_t size)
{
    if (size != 8 && size != 16)
        return ZC_E_RANGE;
    if (length < UPDATE_HEAD + 2 * size)
        return ZC_E_TRUNCATED;
    if (update[11] != PROTOCOL)
        return ZC_E_PROTOCOL;
    if (length != UPDATE_HEAD + 2 * size && length != UPDATE_HEAD + 2 * size + SEQUENCE)
        return ZC_E_TRAILING;
    return ZC_OK;
}

zc_status zc_scp03_begin(zc_scp03 *channel, const uint8_t *enc, const uint8_t *mac, size_t key_length, uint32_t flags,
                         const uint8_t *host_challenge, size_t size, const uint8_t *update, size_t update_length)
{
    const uint8_t *challenge = update + UPDATE_HEAD;
    uint8_t card[16], host[16];
    zc_status status = check_update(update, update_length, size);

    memset(channel, 0, sizeof *channel);
    if (status != ZC_OK)
        return status;
    status = zc_scp03_derive(channel, enc, mac, key_length, flags, host_challenge, challenge, size, card, host);
    if (status != ZC_OK)
        return status;
    if (zc_compare(card, challenge + size, size) != ZC_OK)
        status = fail(channel, ZC_E_CRYPTOGRAM);
    if (status == ZC_OK) {
        memcpy(channel->host, host, size);
        channel->phase = PROVEN;
    }
    zc_wipe(card, sizeof card);
    zc_wipe(host, sizeof host);
    return status;
}

/* ---- commands ----------------------------------------------------------------------------------------------------- */

/* The header as the MAC covers it: no channel number, and the length of what will be sent (6.2.4). */
static size_t write_head(const zc_command *command, uint32_t nc, uint8_t head[7])
{
    head[0] = (uint8_t)((command->cla | SECURE) & ~0x03);
    head[1] = command->ins;
    head[2] = command->p1;
    head[3] = command->p2;
    if (command->extended != ZC_EXTENDED && nc <= 255) {
        head[4] = (uint8_t)nc;
        return 5;
    }
    head[4] = 0;
    head[5] = (uint8_t)(nc >> 8);
    head[6] = (uint8_t)nc;
    return 7;
}

/* Encrypt `plain` bytes if asked to, and put the MAC behind: the CMAC of the old chaining value and the command, `nc` bytes with
 * its MAC, is the new one (6.2.4). */
static void protect(zc_scp03 *channel, const zc_command *command, uint8_t *data, uint32_t plain, uint32_t nc, int encrypt)
{
    uint8_t head[7];
    size_t head_length = write_head(command, nc, head);
    zc_cmac cmac;

    zc_cmac_begin(&cmac);
    zc_cmac_update(&cmac, &channel->mac, channel->chain, sizeof channel->chain);
    if (encrypt) {
        (void)zc_messaging_encrypt_and_mac(&channel->enc, channel->counter, data, plain, &channel->mac, &cmac, head,
                                           head_length);
    } else {
        zc_cmac_update(&cmac, &channel->mac, head, head_length);
        zc_cmac_update(&cmac, &channel->mac, data, plain);
    }
    zc_cmac_end(&cmac, &channel->mac, channel->chain);
    memcpy(data + nc - channel->size, channel->chain, channel->size);
}

static int level_exists(uint8_t level)
{
    static const uint8_t levels[] = {0x01, 0x03, 0x11, 0x13, 0x33};

    for (size_t i = 0; i < sizeof levels; i++)
        if (levels[i] == level)
            return 1;
    return 0;
}

zc_status zc_scp03_authenticate(zc_scp03 *channel, uint8_t level, uint8_t *out, size_t *length)
{
    zc_command command = {EXTERNAL_AUTHENTICATE_CLA, EXTERNAL_AUTHENTICATE_INS, level, 0, 0, 0, 2u * channel->size, 0};
    uint8_t data[32];

    *length = 0;
    if (channel->phase != PROVEN)
        return ZC_E_CLOSED;
    if (!level_exists(level))
        return ZC_E_RANGE;
    memcpy(data, channel->host, channel->size);
    protect(channel, &command, data, channel->size, command.nc, 0);
    zc_wipe(channel->host, sizeof channel->host);
    channel->level = level;
    channel->phase = OPEN;
    return zc_command_encode(&command, data, out, ZC_SCP03_AUTHENTICATE_MAX, length);
}

static uint32_t wrapped_length(const zc_scp03 *channel, uint32_t nc)
{
    if (channel->level & ZC_SCP03_C_DECRYPTION && nc > 0)
        nc = zc_messaging_padded(nc);
    return nc + channel->size;
}

static zc_status check_command(const zc_scp03 *channel, const zc_command *command, size_t capacity)
{
    if (channel->phase != OPEN)
        return ZC_E_CLOSED;
    if (command->cla & 0x6C || command->nc > 65535 || command->ne > 65536 || command->extended > ZC_EITHER)
        return ZC_E_RANGE;
    if (wrapped_length(channel, command->nc) > 65535)
        return ZC_E_RANGE;
    return wrapped_length(channel, command->nc) > capacity ? ZC_E_CAPACITY : ZC_OK;
}

zc_status zc_scp03_wrap(zc_scp03 *channel, zc_command *command, uint8_t *data, size_t capacity)
{
    zc_status status = check_command(channel, command, capacity);
    uint32_t nc;

    if (status != ZC_OK)
        return status;
    nc = wrapped_length(channel, command->nc);
    channel->counter++;
    channel->ne = command->ne;
    protect(channel, command, data, command->nc, nc, channel->level & ZC_SCP03_C_DECRYPTION && command->nc > 0);
    command->cla |= SECURE;
    command->nc = nc;
    zc_messaging_settle(command);
    if (channel->level & ZC_SCP03_R_MAC)
        command->ne = command->extended == ZC_SHORT ? 256 : 65536;
    channel->awaiting = 1;
    return ZC_OK;
}

/* ---- responses ---------------------------------------------------------------------------------------------------- */

/* Whether the card protects a response with this status word (6.2.5). */
static int protected_response(uint16_t sw)
{
    return sw == 0x9000 || sw >> 8 == 0x62 || sw >> 8 == 0x63;
}

static zc_status check_mac(const zc_scp03 *channel, const uint8_t *data, size_t plain, uint16_t sw)
{
    uint8_t trailer[2] = {(uint8_t)(sw >> 8), (uint8_t)sw}, tag[16];
    zc_cmac cmac;
    zc_status status;

    zc_cmac_begin(&cmac);
    zc_cmac_update(&cmac, &channel->rmac, channel->chain, sizeof channel->chain);
    zc_cmac_update(&cmac, &channel->rmac, data, plain);
    zc_cmac_update(&cmac, &channel->rmac, trailer, sizeof trailer);
    zc_cmac_end(&cmac, &channel->rmac, tag);
    status = zc_compare(tag, data + plain, channel->size) == ZC_OK ? ZC_OK : ZC_E_MAC;
    zc_wipe(tag, sizeof tag);
    return status;
}

static zc_status open_response(zc_scp03 *channel, uint8_t *data, size_t *length, uint16_t sw)
{
    if (!(channel->level & ZC_SCP03_R_MAC))
        return ZC_OK;
    if (!protected_response(sw))
        return *length == 0 ? ZC_OK : ZC_E_MAC;
    if (*length < channel->size)
        return ZC_E_MAC;
    *length -= channel->size;
    if (check_mac(channel, data, *length, sw) != ZC_OK)
        return ZC_E_MAC;
    if (channel->level & ZC_SCP03_R_ENCRYPTION && *length > 0)
        return zc_messaging_decrypt(&channel->enc, channel->counter, RESPONSE, data, length);
    return ZC_OK;
}

zc_status zc_scp03_unwrap(zc_scp03 *channel, uint8_t *data, size_t *length, uint16_t sw)
{
    size_t whole = *length;
    zc_status status;

    if (channel->phase != OPEN || !channel->awaiting) {
        status = ZC_E_CLOSED;
    } else {
        int bounded = channel->level & ZC_SCP03_R_MAC; /* without it the exchange keeps the bound, which 6Cxx may move */

        status = open_response(channel, data, length, sw);
        channel->awaiting = 0;
        if (status != ZC_OK)
            zc_scp03_close(channel);
        else if (bounded && zc_messaging_too_long(*length, channel->ne))
            status = ZC_E_ANSWER_LONG;
    }
    if (status != ZC_OK) {
        zc_wipe(data, whole);
        *length = 0;
    }
    return status;
}
