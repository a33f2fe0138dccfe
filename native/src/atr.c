/* SPDX-License-Identifier: Apache-2.0
 * The answer to reset and its historical bytes: ISO/IEC 7816-3:2006, 8.2; ISO/IEC 7816-4:2020, 12.1.1. */
#include "zc.h"

#include <string.h>

enum { DIRECT = 0x3B, INVERSE = 0x3F, TS_T0 = 2 };
enum { NEXT = 0x08, HISTORICAL = 0x0F, PROTOCOL = 0x0F, NO_PROTOCOL = 15 };
enum { STATUS_LAST = 0x00, STATUS_INSIDE = 0x80, STATUS_BYTES = 3 };
enum { CAPABILITIES = 7, CAPABILITY_BYTES = 3, CHAINING = 0x80, EXTENDED = 0x40 };

/* The interface bytes that one indicator announces, bit 1 for TA to bit 4 for TD; `indicator` becomes that of the TD. */
static zc_status read_group(const uint8_t *raw, size_t length, uint8_t number, uint8_t protocol, uint8_t *indicator,
                            zc_atr *atr, size_t *at)
{
    for (uint8_t kind = 0; kind < 4; kind++) {
        zc_atr_byte *byte = &atr->interface_bytes[atr->interface_count];

        if (!(*indicator & (1 << kind)))
            continue;
        if (*at == length)
            return ZC_E_TRUNCATED;
        *byte = (zc_atr_byte){(uint8_t)('A' + kind), number, protocol, raw[(*at)++]};
        atr->interface_count++; /* each is a byte of `raw`, which has no more than fit */
    }
    if (*indicator & NEXT)
        *indicator = raw[*at - 1];
    else
        *indicator = 0;
    return ZC_OK;
}

static void offer(zc_atr *atr, uint8_t protocol)
{
    if (protocol == NO_PROTOCOL)
        return;
    if (atr->protocols == 0)
        atr->first = protocol;
    atr->protocols |= UINT32_C(1) << protocol;
}

/* All interface bytes; `checked` becomes 1 when a protocol other than T=0 (or T=15) is named, so that a TCK follows. */
static zc_status read_interface(const uint8_t *raw, size_t length, zc_atr *atr, size_t *at)
{
    uint8_t protocol = ZC_ATR_UNKNOWN, indicator = raw[1] >> 4;

    for (uint8_t number = 1;; number++) {
        int next = indicator & NEXT;
        zc_status status = read_group(raw, length, number, protocol, &indicator, atr, at);

        if (status != ZC_OK || !next)
            return status;
        protocol = indicator & PROTOCOL;
        indicator >>= 4;
        offer(atr, protocol);
        if (protocol != 0)
            atr->checked = 1;
    }
}

static uint8_t exclusive_or(const uint8_t *bytes, size_t length)
{
    uint8_t sum = 0;

    while (length-- > 0)
        sum ^= *bytes++;
    return sum;
}

/* Historical bytes that are cut short or of the card's own making leave both capabilities unknown. */
static void read_capabilities(const uint8_t *bytes, size_t length, zc_atr *atr)
{
    size_t at = 0;
    zc_tlv_flat object;

    if (length == 0 || (bytes[0] != STATUS_LAST && bytes[0] != STATUS_INSIDE))
        return;
    if (bytes[0] == STATUS_LAST) {
        if (length < 1 + STATUS_BYTES)
            return;
        length -= STATUS_BYTES;
    }
    bytes++;
    length--;
    while (zc_tlv_compact(bytes, length, &at, &object) == ZC_MORE) {
        if (object.tag != CAPABILITIES)
            continue;
        if (object.length == CAPABILITY_BYTES) {
            atr->extended_length = (bytes[object.value + 2] & EXTENDED) != 0;
            atr->chaining = (bytes[object.value + 2] & CHAINING) != 0;
        }
        return;
    }
}

/* After the interface bytes: the historical bytes, and the check byte where there must be one. */
static zc_status read_rest(const uint8_t *raw, size_t length, zc_atr *atr, size_t *at)
{
    size_t end;

    atr->historical_offset = (uint8_t)*at;
    atr->historical_length = raw[1] & HISTORICAL;
    end = *at + atr->historical_length;
    *at = length;
    if (length < end + atr->checked)
        return ZC_E_TRUNCATED;
    *at = end + atr->checked;
    if (length > *at)
        return ZC_E_TRAILING;
    if (!atr->checked || exclusive_or(raw + 1, length - 1) == 0)
        return ZC_OK;
    *at = end;
    return ZC_E_CHECK;
}

zc_status zc_atr_parse(const uint8_t *raw, size_t length, zc_atr *atr, size_t *offset)
{
    zc_status status;

    memset(atr, 0, sizeof *atr);
    atr->extended_length = ZC_ATR_UNKNOWN;
    atr->chaining = ZC_ATR_UNKNOWN;
    *offset = 0;
    if (length < TS_T0 || length > ZC_ATR_MAX || (raw[0] != DIRECT && raw[0] != INVERSE))
        return ZC_E_ATR;
    atr->inverse = raw[0] == INVERSE;
    *offset = TS_T0;
    status = read_interface(raw, length, atr, offset);
    if (status == ZC_OK)
        status = read_rest(raw, length, atr, offset);
    if (status != ZC_OK)
        return status;
    if (atr->protocols == 0)
        atr->protocols = 1; /* T=0, also where TD1 names T=15 alone */
    read_capabilities(raw + atr->historical_offset, atr->historical_length, atr);
    return ZC_OK;
}
