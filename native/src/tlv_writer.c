/* SPDX-License-Identifier: Apache-2.0
 * Nested data objects written from first to last. An object's header is put before its value when it is closed, since
 * only then its length is known. ISO/IEC 7816-4:2020, 6.3; X.690, 8.1 and 10.1. */
#include "zc.h"

#include <string.h>

static zc_status fail(zc_tlv_writer *writer, zc_status status)
{
    writer->status = status;
    return status;
}

void zc_tlv_writer_begin(zc_tlv_writer *writer, uint8_t *out, size_t capacity)
{
    memset(writer, 0, sizeof *writer);
    writer->out = out;
    writer->capacity = capacity;
}

zc_status zc_tlv_writer_open(zc_tlv_writer *writer, uint32_t tag)
{
    uint8_t header[ZC_TLV_HEADER_MAX];
    size_t size;

    if (writer->status != ZC_OK)
        return writer->status;
    if (writer->depth == ZC_TLV_DEPTH)
        return fail(writer, ZC_E_DEPTH);
    if (zc_tlv_header(tag, 0, header, &size) != ZC_OK)
        return fail(writer, ZC_E_TAG);
    writer->tag[writer->depth] = tag;
    writer->open[writer->depth] = writer->length;
    writer->depth++;
    return ZC_OK;
}

zc_status zc_tlv_writer_raw(zc_tlv_writer *writer, const uint8_t *bytes, size_t length)
{
    if (writer->status != ZC_OK)
        return writer->status;
    if (length > writer->capacity - writer->length)
        return fail(writer, ZC_E_CAPACITY);
    if (length > 0)
        memcpy(writer->out + writer->length, bytes, length);
    writer->length += length;
    return ZC_OK;
}

zc_status zc_tlv_writer_put(zc_tlv_writer *writer, uint32_t tag, const uint8_t *value, size_t length)
{
    uint8_t header[ZC_TLV_HEADER_MAX];
    size_t size;
    zc_status status;

    if (writer->status != ZC_OK)
        return writer->status;
    status = zc_tlv_header(tag, length, header, &size);
    if (status != ZC_OK)
        return fail(writer, status);
    zc_tlv_writer_raw(writer, header, size);
    return zc_tlv_writer_raw(writer, value, length);
}

zc_status zc_tlv_writer_close(zc_tlv_writer *writer)
{
    uint8_t header[ZC_TLV_HEADER_MAX], *value;
    size_t size, length;
    zc_status status;

    if (writer->status != ZC_OK)
        return writer->status;
    if (writer->depth == 0)
        return fail(writer, ZC_E_DEPTH);
    writer->depth--;
    length = writer->length - writer->open[writer->depth];
    status = zc_tlv_header(writer->tag[writer->depth], length, header, &size);
    if (status != ZC_OK)
        return fail(writer, status);
    if (size > writer->capacity - writer->length)
        return fail(writer, ZC_E_CAPACITY);
    value = writer->out + writer->open[writer->depth];
    if (length > 0)
        memmove(value + size, value, length);
    memcpy(value, header, size);
    writer->length += size;
    return ZC_OK;
}

zc_status zc_tlv_writer_end(zc_tlv_writer *writer, size_t *length)
{
    *length = 0;
    if (writer->status == ZC_OK && writer->depth > 0)
        return fail(writer, ZC_E_DEPTH);
    if (writer->status == ZC_OK)
        *length = writer->length;
    return writer->status;
}
