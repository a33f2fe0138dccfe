/* SPDX-License-Identifier: Apache-2.0
 * The TLVs without nesting. COMPACT-TLV: one byte for tag and length (ISO/IEC 7816-4:2020, 12.1.1). SIMPLE-TLV: a tag byte,
 * then a length byte, or FF and two bytes (6.2). */
#include "zc.h"

enum { LONG = 0xFF, LONG_BYTES = 3, SIMPLE_LENGTH_MAX = 65535 };

/* `header` bytes of header, which are there, and a value of `object->length`, which may not be. */
static zc_status take(size_t length, size_t header, size_t *at, zc_tlv_flat *object)
{
    if (object->length > length - *at - header)
        return ZC_E_TRUNCATED;
    object->value = (uint32_t)(*at + header);
    *at += header + object->length;
    return ZC_MORE;
}

zc_status zc_tlv_compact(const uint8_t *data, size_t length, size_t *at, zc_tlv_flat *object)
{
    if (length > UINT32_MAX || *at > length)
        return ZC_E_RANGE;
    if (*at == length)
        return ZC_OK;
    object->tag = data[*at] >> 4;
    object->length = data[*at] & 0x0F;
    return take(length, 1, at, object);
}

zc_status zc_tlv_simple(const uint8_t *data, size_t length, size_t *at, zc_tlv_flat *object)
{
    const uint8_t *header;
    size_t left;

    if (length > UINT32_MAX || *at > length)
        return ZC_E_RANGE;
    left = length - *at;
    if (left == 0)
        return ZC_OK;
    header = data + *at;
    object->tag = header[0];
    if (object->tag == 0x00 || object->tag == 0xFF)
        return ZC_E_TAG;
    if (left < 2)
        return ZC_E_TRUNCATED;
    object->length = header[1];
    if (object->length != LONG)
        return take(length, 2, at, object);
    if (left < 1 + LONG_BYTES)
        return ZC_E_TRUNCATED;
    object->length = (uint32_t)header[2] << 8 | header[3];
    return take(length, 1 + LONG_BYTES, at, object);
}

zc_status zc_tlv_simple_header(uint32_t tag, size_t value_length, uint8_t *out, size_t *length)
{
    *length = 0;
    if (tag == 0x00 || tag >= 0xFF)
        return ZC_E_TAG;
    if (value_length > SIMPLE_LENGTH_MAX)
        return ZC_E_RANGE;
    out[0] = (uint8_t)tag;
    if (value_length < LONG) {
        out[1] = (uint8_t)value_length;
        *length = 2;
        return ZC_OK;
    }
    out[1] = LONG;
    out[2] = (uint8_t)(value_length >> 8);
    out[3] = (uint8_t)value_length;
    *length = 1 + LONG_BYTES;
    return ZC_OK;
}
