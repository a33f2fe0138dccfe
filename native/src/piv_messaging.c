/* SPDX-License-Identifier: Apache-2.0
 * PIV secure messaging: key establishment after ECDH, and ISO/IEC 7816-4 secure messaging with AES. Numbers in brackets are
 * clauses of SP 800-73-5 part 2. */
#include "messaging.h"
#include "sha2.h"

#include <string.h>

enum { CLOSED, OPEN };
enum { SECURE = 0x0C, RESPONSE = 0x80, PADDED = 0x01, MAC_LENGTH = 8, CONFIRMATION = 16 };
enum { CRYPTOGRAM = 0x87, EXPECTED = 0x97, STATUS = 0x99, CHECKSUM = 0x8E };
enum { ID = 8, POINT_PART = 16, INFO_MAX = 80 };

void zc_piv_close(zc_piv *channel)
{
    zc_wipe(channel, sizeof *channel);
}

/* ---- key establishment (4.1) ------------------------------------------------------------------------------------- */

typedef struct {
    int wide;                             /* SHA-384 and AES-256 */
    uint8_t algorithm;                    /* its number in the derivation's input */
    size_t key, secret, nonce, point;     /* lengths; the point without its first byte 04 */
} suite_data;

static const suite_data suites[] = {{0, 0x09, 16, 32, 16, 64}, {1, 0x0D, 32, 48, 24, 96}};

static uint8_t *put(uint8_t *at, const uint8_t *bytes, size_t length)
{
    *at++ = (uint8_t)length;
    memcpy(at, bytes, length);
    return at + length;
}

/* OtherInfo (4.1.6): each field with its length before it. */
static size_t write_info(const suite_data *suite, const zc_piv_parties *p, uint8_t info[INFO_MAX])
{
    const uint8_t algorithms[4] = {suite->algorithm, suite->algorithm, suite->algorithm, suite->algorithm};
    uint8_t *at = info;

    at = put(at, algorithms, sizeof algorithms);
    at = put(at, p->host_id, ID);
    at = put(at, &p->host_control, 1);
    at = put(at, p->host_point + 1, POINT_PART);
    at = put(at, p->card_id, ID);
    at = put(at, p->nonce, suite->nonce);
    at = put(at, &p->card_control, 1);
    return (size_t)(at - info);
}

/* One-step key derivation with a hash (SP 800-56C, 4.1): four keys. */
static void derive(const suite_data *suite, const zc_piv_parties *p, uint8_t *keys)
{
    uint8_t counter[4] = {0}, info[INFO_MAX], digest[ZC_SHA2_MAX];
    const zc_part parts[] = {{counter, 4}, {p->secret, suite->secret}, {info, write_info(suite, p, info)}};
    size_t whole = 4 * suite->key;

    for (size_t done = 0; done < whole;) {
        size_t part;

        counter[3]++;
        part = zc_sha2(suite->wide, parts, 3, digest);
        part = whole - done < part ? whole - done : part;
        memcpy(keys + done, digest, part);
        done += part;
    }
    zc_wipe(digest, sizeof digest);
}

/* What the card shows to know the keys (4.1.7). */
static void confirm(const suite_data *suite, const zc_piv_parties *p, const zc_aes *key, uint8_t *cryptogram)
{
    static const uint8_t message[6] = {'K', 'C', '_', '1', '_', 'V'};
    zc_cmac cmac;

    zc_cmac_begin(&cmac);
    zc_cmac_update(&cmac, key, message, sizeof message);
    zc_cmac_update(&cmac, key, p->card_id, ID);
    zc_cmac_update(&cmac, key, p->host_id, ID);
    zc_cmac_update(&cmac, key, p->host_point + 1, suite->point);
    zc_cmac_end(&cmac, key, cryptogram);
}

zc_status zc_piv_derive(zc_piv *channel, const zc_piv_parties *parties, uint32_t flags, uint8_t *cryptogram)
{
    const suite_data *suite;
    uint8_t keys[4 * 32];
    zc_aes confirmation;

    memset(channel, 0, sizeof *channel);
    if (parties->suite != ZC_PIV_CS2 && parties->suite != ZC_PIV_CS7)
        return ZC_E_RANGE;
    suite = &suites[parties->suite == ZC_PIV_CS7];
    derive(suite, parties, keys);
    (void)zc_aes_init(&confirmation, keys, suite->key, flags);
    (void)zc_aes_init(&channel->mac, keys + suite->key, suite->key, flags);
    (void)zc_aes_init(&channel->enc, keys + 2 * suite->key, suite->key, flags);
    (void)zc_aes_init(&channel->rmac, keys + 3 * suite->key, suite->key, flags);
    confirm(suite, parties, &confirmation, cryptogram);
    channel->phase = OPEN;
    zc_wipe(keys, sizeof keys);
    zc_wipe(&confirmation, sizeof confirmation);
    return ZC_OK;
}

zc_status zc_piv_begin(zc_piv *channel, const zc_piv_parties *parties, uint32_t flags, const uint8_t *cryptogram)
{
    uint8_t expected[CONFIRMATION];
    zc_status status = zc_piv_derive(channel, parties, flags, expected);

    if (status == ZC_OK && zc_compare(expected, cryptogram, sizeof expected) != ZC_OK) {
        zc_piv_close(channel);
        status = ZC_E_CRYPTOGRAM;
    }
    zc_wipe(expected, sizeof expected);
    return status;
}

/* ---- commands (4.2.2 to 4.2.4) ------------------------------------------------------------------------------------- */

static uint32_t wrapped_length(const zc_command *command, size_t *header_length, uint8_t header[ZC_TLV_HEADER_MAX])
{
    uint32_t value = command->nc > 0 ? zc_messaging_padded(command->nc) + 1 : 0;

    *header_length = 0;
    if (value > 0)
        (void)zc_tlv_header(CRYPTOGRAM, value, header, header_length);
    return (uint32_t)*header_length + value + (command->ne > 0 ? 3 : 0) + 2 + MAC_LENGTH;
}

static void command_mac(zc_piv *channel, const zc_command *command, const uint8_t *data, size_t length)
{
    const uint8_t header[16] = {SECURE, command->ins, command->p1, command->p2, 0x80};
    zc_cmac cmac;

    zc_cmac_begin(&cmac);
    zc_cmac_update(&cmac, &channel->mac, channel->command_chain, sizeof channel->command_chain);
    zc_cmac_update(&cmac, &channel->mac, header, sizeof header);
    zc_cmac_update(&cmac, &channel->mac, data, length);
    zc_cmac_end(&cmac, &channel->mac, channel->command_chain);
}

/* Encrypt, and put the object's header and the padding indicator before; returns the length. */
static size_t write_cryptogram(zc_piv *channel, const zc_command *command, const uint8_t *header, size_t header_length,
                               uint8_t *data)
{
    uint32_t length;

    if (command->nc == 0)
        return 0;
    length = zc_messaging_encrypt(&channel->enc, channel->counter, 0, data, command->nc);
    memmove(data + header_length + 1, data, length);
    memcpy(data, header, header_length);
    data[header_length] = PADDED;
    return header_length + 1 + length;
}

zc_status zc_piv_wrap(zc_piv *channel, zc_command *command, uint8_t *data, size_t capacity)
{
    uint8_t header[ZC_TLV_HEADER_MAX];
    size_t header_length, at;
    uint32_t whole;

    if (channel->phase != OPEN)
        return ZC_E_CLOSED;
    if (command->cla != 0 || command->nc > 65535 || command->ne > 65536 || command->extended > ZC_EITHER)
        return ZC_E_RANGE;
    whole = wrapped_length(command, &header_length, header);
    if (whole > 65535 || whole > capacity)
        return whole > 65535 ? ZC_E_RANGE : ZC_E_CAPACITY;
    channel->counter++;
    channel->ne = command->ne;
    at = write_cryptogram(channel, command, header, header_length, data);
    if (command->ne > 0) {
        data[at++] = EXPECTED;
        data[at++] = 1;
        data[at++] = (uint8_t)(command->ne < 256 ? command->ne : 0);
    }
    command_mac(channel, command, data, at);
    data[at] = CHECKSUM;
    data[at + 1] = MAC_LENGTH;
    memcpy(data + at + 2, channel->command_chain, MAC_LENGTH);
    command->cla = SECURE;
    command->nc = whole;
    command->ne = command->extended == ZC_SHORT ? 256 : 65536;
    channel->awaiting = 1;
    return ZC_OK;
}

/* ---- responses (4.2.2, 4.2.5) ------------------------------------------------------------------------------------- */

/* The objects of a response: maybe a cryptogram, a status word, a checksum, in this order and no others. */
static zc_status read_objects(const uint8_t *data, size_t length, zc_tlv_node nodes[3], size_t *count)
{
    const zc_tlv_rules rules = {0};
    size_t offset;

    if (zc_tlv_index(data, length, &rules, nodes, 3, count, &offset) != ZC_OK || *count < 2)
        return ZC_E_MAC;
    if (*count == 3 && nodes[0].tag != CRYPTOGRAM)
        return ZC_E_MAC;
    if (nodes[*count - 2].tag != STATUS || nodes[*count - 2].length != 2)
        return ZC_E_MAC;
    if (nodes[*count - 1].tag != CHECKSUM || nodes[*count - 1].length != MAC_LENGTH)
        return ZC_E_MAC;
    return ZC_OK;
}

static zc_status check_mac(zc_piv *channel, const uint8_t *data, const zc_tlv_node *checksum)
{
    zc_cmac cmac;

    zc_cmac_begin(&cmac);
    zc_cmac_update(&cmac, &channel->rmac, channel->response_chain, sizeof channel->response_chain);
    zc_cmac_update(&cmac, &channel->rmac, data, checksum->header);
    zc_cmac_end(&cmac, &channel->rmac, channel->response_chain);
    return zc_compare(channel->response_chain, data + checksum->value, MAC_LENGTH) == ZC_OK ? ZC_OK : ZC_E_MAC;
}

static zc_status open_response(zc_piv *channel, uint8_t *data, size_t *length, uint16_t *sw)
{
    zc_tlv_node nodes[3];
    size_t count;
    zc_status status = read_objects(data, *length, nodes, &count);

    if (status != ZC_OK)
        return status;
    status = check_mac(channel, data, &nodes[count - 1]);
    if (status != ZC_OK)
        return status;
    *sw = (uint16_t)(data[nodes[count - 2].value] << 8 | data[nodes[count - 2].value + 1]);
    *length = 0;
    if (count == 2)
        return ZC_OK;
    if (nodes[0].length < 1 || data[nodes[0].value] != PADDED)
        return ZC_E_PADDING;
    *length = nodes[0].length - 1;
    memmove(data, data + nodes[0].value + 1, *length);
    return zc_messaging_decrypt(&channel->enc, channel->counter, RESPONSE, data, length);
}

zc_status zc_piv_unwrap(zc_piv *channel, uint8_t *data, size_t *length, uint16_t *sw)
{
    size_t whole = *length;
    zc_status status = ZC_OK;

    if (channel->phase != OPEN || !channel->awaiting) {
        status = ZC_E_CLOSED;
    } else if (whole == 0 && *sw != 0x9000) {
        zc_piv_close(channel);
    } else {
        channel->awaiting = 0;
        status = open_response(channel, data, length, sw);
        if (status != ZC_OK)
            zc_piv_close(channel);
        else if (zc_messaging_too_long(*length, channel->ne))
            status = ZC_E_ANSWER_LONG;
    }
    if (status != ZC_OK) {
        zc_wipe(data, whole);
        *length = 0;
    }
    return status;
}
