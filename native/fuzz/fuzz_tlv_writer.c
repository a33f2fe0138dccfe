/* SPDX-License-Identifier: Apache-2.0
 * What is read as BER-TLV is written anew: as DER the same bytes, else an index that differs in the lengths' form only. */
#include "fuzz.h"
#include "zc.h"

enum { ROOM = 128, SPACE = 4096 };

static zc_tlv_node nodes[ROOM], again[ROOM];
static uint8_t out[SPACE];

static void write_all(zc_tlv_writer *writer, const uint8_t *data, const zc_tlv_node *list, size_t count)
{
    uint32_t depth = 0;

    for (size_t i = 0; i < count; i++) {
        for (; depth > list[i].depth; depth--)
            zc_tlv_writer_close(writer);
        if (data[list[i].header] & 0x20) {
            zc_tlv_writer_open(writer, list[i].tag);
            depth++;
        } else {
            zc_tlv_writer_put(writer, list[i].tag, data + list[i].value, list[i].length);
        }
    }
    while (depth-- > 0)
        zc_tlv_writer_close(writer);
}

static zc_status write_into(size_t capacity, const uint8_t *data, size_t count, size_t *length)
{
    zc_tlv_writer writer;

    zc_tlv_writer_begin(&writer, out, capacity);
    write_all(&writer, data, nodes, count);
    return zc_tlv_writer_end(&writer, length);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    zc_tlv_rules ber = {.flags = 0}, der = {.flags = ZC_TLV_DER};
    size_t count, recount, offset, length;

    if (zc_tlv_index(input, size, &ber, nodes, ROOM, &count, &offset) != ZC_OK || size > SPACE)
        return 0;
    REQUIRE(write_into(SPACE, input, count, &length) == ZC_OK);
    REQUIRE(length <= size);
    REQUIRE(zc_tlv_index(out, length, &der, again, ROOM, &recount, &offset) == ZC_OK && recount == count);
    for (size_t i = 0; i < count; i++) {
        REQUIRE(again[i].tag == nodes[i].tag && again[i].depth == nodes[i].depth && again[i].next == nodes[i].next);
        if (!(input[nodes[i].header] & 0x20))
            REQUIRE(memcmp(out + again[i].value, input + nodes[i].value, nodes[i].length) == 0);
    }
    if (zc_tlv_index(input, size, &der, again, ROOM, &recount, &offset) == ZC_OK)
        REQUIRE(length == size && memcmp(out, input, size) == 0);
    if (length > 0)
        REQUIRE(write_into(length - 1, input, count, &length) == ZC_E_CAPACITY && length == 0);
    return 0;
}
