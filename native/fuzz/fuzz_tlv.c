/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as BER-TLV, with any rules: the index holds together, and every object is found by its path. */
#include "fuzz.h"
#include "zc.h"

enum { ROOM = 256 };

static zc_tlv_node nodes[ROOM];

static void check_node(const zc_tlv_node *node, size_t index, size_t count, size_t size)
{
    REQUIRE(node->header < node->value && node->value <= size && node->length <= size - node->value);
    REQUIRE(node->next == ZC_TLV_NONE || (node->next > index && node->next < count));
    if (node->next != ZC_TLV_NONE)
        REQUIRE(nodes[node->next].parent == node->parent && nodes[node->next].header >= node->value + node->length);
    if (node->parent == ZC_TLV_NONE) {
        REQUIRE(node->depth == 0);
        return;
    }
    REQUIRE(node->parent < index && nodes[node->parent].depth + 1 == node->depth);
    REQUIRE(node->header >= nodes[node->parent].value);
    REQUIRE(node->value + node->length <= nodes[node->parent].value + nodes[node->parent].length);
}

static void check_path(size_t index, size_t count)
{
    uint32_t path[ZC_TLV_DEPTH + 1];
    size_t depth = nodes[index].depth + 1, at = index, found;

    for (size_t i = depth; i-- > 0; at = nodes[at].parent)
        path[i] = nodes[at].tag;
    REQUIRE(zc_tlv_find(nodes, count, path, depth, index, &found) == ZC_OK && found == index);
    REQUIRE(zc_tlv_find(nodes, count, path, depth, 0, &found) == ZC_OK && found <= index);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    reader r = {input, size};
    uint32_t flags = octet(&r), open[2], closed[1];
    zc_tlv_rules rules = {.open = open, .closed = closed, .open_count = flags >> 2 & 1, .closed_count = flags >> 3 & 1,
                          .flags = flags & 3};
    size_t length, count, offset, capacity = flags & 0x80 ? 3 : ROOM;
    const uint8_t *data;
    zc_status status;

    open[0] = octet(&r);
    closed[0] = octet(&r);
    data = bytes(&r, size, &length);
    status = zc_tlv_index(data, length, &rules, nodes, capacity, &count, &offset);
    REQUIRE(offset <= length);
    if (status != ZC_OK) {
        REQUIRE(count == 0 || (status == ZC_E_CAPACITY && count > capacity));
        return 0;
    }
    REQUIRE(offset == length && count <= capacity);
    for (size_t i = 0; i < count; i++) {
        check_node(&nodes[i], i, count, length);
        check_path(i, count);
    }
    return 0;
}
