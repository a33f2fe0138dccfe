/* SPDX-License-Identifier: Apache-2.0
 * BER-TLV and DER as a packed index: one pass, no recursion, no allocation. ISO/IEC 7816-4:2020, 6.3; X.690, 8.1. */
#include "zc.h"

#include <string.h>

enum { CONSTRUCTED = 0x20, LONG_TAG = 0x1F, MORE = 0x80, INDEFINITE = 0x80 };

/* The constructed objects that reading is inside of. Kept apart from the nodes, so that counting goes on when they are full. */
typedef struct {
    size_t end[ZC_TLV_DEPTH + 1];      /* where the object at each depth ends; [0] is the whole */
    uint32_t parent[ZC_TLV_DEPTH + 1]; /* index of the node that holds what is at each depth */
    uint32_t last[ZC_TLV_DEPTH + 1];   /* index of the last sibling at each depth */
    uint32_t depth;
} walker;

static int listed(uint32_t tag, const uint32_t *tags, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (tags[i] == tag)
            return 1;
    return 0;
}

static int entered(uint32_t tag, uint8_t first, const zc_tlv_rules *rules)
{
    if (first & CONSTRUCTED)
        return !listed(tag, rules->closed, rules->closed_count);
    return listed(tag, rules->open, rules->open_count);
}

/* The tag field: one byte, or a first byte xxx11111 and bytes of seven bits, of which the first is not a leading zero and
 * not a number that one byte could have held. */
static zc_status read_tag(const uint8_t *data, size_t end, size_t *at, uint32_t *tag)
{
    size_t start = *at;

    *tag = data[(*at)++];
    if (*tag == 0)
        return ZC_E_TAG;
    if ((*tag & LONG_TAG) != LONG_TAG)
        return ZC_OK;
    for (;;) {
        uint8_t byte;

        if (*at == end)
            return ZC_E_TRUNCATED;
        byte = data[*at];
        if (*at == start + 1 && (byte == MORE || byte < LONG_TAG))
            return ZC_E_TAG;
        if (*at - start == sizeof *tag)
            return ZC_E_TAG;
        *tag = *tag << 8 | byte;
        (*at)++;
        if (!(byte & MORE))
            return ZC_OK;
    }
}

static zc_status read_length(const uint8_t *data, size_t end, uint32_t flags, size_t *at, uint32_t *length)
{
    size_t bytes;

    if (*at == end)
        return ZC_E_TRUNCATED;
    *length = data[*at];
    if (*length < INDEFINITE) {
        (*at)++;
        return ZC_OK;
    }
    if (*length == INDEFINITE)
        return ZC_E_INDEFINITE;
    bytes = *length & 0x7F;
    if (bytes > sizeof *length)
        return ZC_E_LENGTH;
    if (end - *at - 1 < bytes)
        return ZC_E_TRUNCATED;
    *length = 0;
    for (size_t i = 1; i <= bytes; i++)
        *length = *length << 8 | data[*at + i];
    if ((flags & ZC_TLV_DER) && (*length < INDEFINITE || (bytes > 1 && *length >> (8 * (bytes - 1)) == 0)))
        return ZC_E_NOT_MINIMAL;
    *at += 1 + bytes;
    return ZC_OK;
}

/* One header; on success `at` stands at the value, on failure at the byte that is wrong. */
static zc_status read_header(const uint8_t *data, size_t end, uint32_t flags, size_t *at, zc_tlv_node *node)
{
    size_t start = *at;
    zc_status status;

    node->header = (uint32_t)start;
    status = read_tag(data, end, at, &node->tag);
    if (status == ZC_E_TAG)
        *at = start;
    if (status != ZC_OK)
        return status;
    status = read_length(data, end, flags, at, &node->length);
    if (status != ZC_OK)
        return status;
    if (node->length > end - *at)
        return ZC_E_TRUNCATED;
    node->value = (uint32_t)*at;
    return ZC_OK;
}

static void keep(zc_tlv_node *nodes, size_t capacity, uint32_t index, const zc_tlv_node *node, walker *walk)
{
    uint32_t before = walk->last[walk->depth];

    walk->last[walk->depth] = index;
    if (index >= capacity)
        return;
    nodes[index] = *node;
    nodes[index].parent = walk->parent[walk->depth];
    nodes[index].depth = walk->depth;
    nodes[index].next = ZC_TLV_NONE;
    if (before != ZC_TLV_NONE)
        nodes[before].next = index;
}

static zc_status enter(walker *walk, const zc_tlv_node *node, uint32_t index)
{
    if (walk->depth == ZC_TLV_DEPTH)
        return ZC_E_DEPTH;
    walk->depth++;
    walk->end[walk->depth] = (size_t)node->value + node->length;
    walk->parent[walk->depth] = index;
    walk->last[walk->depth] = ZC_TLV_NONE;
    return ZC_OK;
}

static int padding(const walker *walk, const zc_tlv_rules *rules, uint8_t byte)
{
    return walk->depth == 0 && (rules->flags & ZC_TLV_PADDING) && (byte == 0x00 || byte == 0xFF);
}

zc_status zc_tlv_index(const uint8_t *data, size_t length, const zc_tlv_rules *rules, zc_tlv_node *nodes,
                       size_t capacity, size_t *count, size_t *offset)
{
    walker walk = {.end = {length}, .parent = {ZC_TLV_NONE}, .last = {ZC_TLV_NONE}, .depth = 0};
    size_t at = 0;
    uint32_t index = 0;
    zc_status status = ZC_OK;

    *count = 0;
    *offset = 0;
    if (length > UINT32_MAX - 1)
        return ZC_E_RANGE;
    while (status == ZC_OK) {
        zc_tlv_node node;

        while (walk.depth > 0 && at == walk.end[walk.depth])
            walk.depth--;
        if (at == walk.end[walk.depth])
            break;
        if (padding(&walk, rules, data[at])) {
            at++;
            continue;
        }
        status = read_header(data, walk.end[walk.depth], rules->flags, &at, &node);
        if (status != ZC_OK)
            break;
        keep(nodes, capacity, index, &node, &walk);
        if (entered(node.tag, data[node.header], rules))
            status = enter(&walk, &node, index);
        else
            at += node.length;
        index++;
    }
    *offset = at;
    if (status != ZC_OK)
        return status;
    *count = index;
    return index > capacity ? ZC_E_CAPACITY : ZC_OK;
}

/* Do the tags from `node` up to the top level equal the path, read from its end? */
static int on_path(const zc_tlv_node *nodes, const zc_tlv_node *node, const uint32_t *path, size_t depth)
{
    while (depth-- > 0) {
        if (node->tag != path[depth])
            return 0;
        if (depth > 0)
            node = &nodes[node->parent];
    }
    return 1;
}

zc_status zc_tlv_find(const zc_tlv_node *nodes, size_t count, const uint32_t *path, size_t depth, size_t from,
                      size_t *found)
{
    for (size_t i = from; i < count; i++) {
        if ((size_t)nodes[i].depth + 1 == depth && on_path(nodes, &nodes[i], path, depth)) {
            *found = i;
            return ZC_OK;
        }
    }
    return ZC_E_MISSING;
}

static size_t significant(uint32_t value)
{
    size_t bytes = 1;

    while (value >>= 8)
        bytes++;
    return bytes;
}

static uint8_t *write_number(uint8_t *at, uint32_t value, size_t bytes)
{
    while (bytes-- > 0)
        *at++ = (uint8_t)(value >> (8 * bytes));
    return at;
}

zc_status zc_tlv_header(uint32_t tag, size_t value_length, uint8_t *out, size_t *length)
{
    size_t tag_bytes = significant(tag), at = 0;
    uint32_t again;
    uint8_t *end;

    *length = 0;
    if (value_length > UINT32_MAX)
        return ZC_E_RANGE;
    end = write_number(out, tag, tag_bytes);
    if (read_tag(out, tag_bytes, &at, &again) != ZC_OK || at != tag_bytes)
        return ZC_E_TAG;
    if (value_length >= INDEFINITE) {
        size_t bytes = significant((uint32_t)value_length);

        *end++ = (uint8_t)(MORE | bytes);
        end = write_number(end, (uint32_t)value_length, bytes);
    } else {
        *end++ = (uint8_t)value_length;
    }
    *length = (size_t)(end - out);
    return ZC_OK;
}
