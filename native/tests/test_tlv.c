/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"
#include "zc.h"

enum { ROOM = 64 };

static zc_tlv_node nodes[ROOM];
static size_t count, offset;

static zc_status index_with(const char *text, const zc_tlv_rules *rules)
{
    size_t length;
    uint8_t *loose = hex(text, &length), *data = exactly(loose, length);
    zc_status status = zc_tlv_index(data, length, rules, nodes, ROOM, &count, &offset);

    free(loose);
    free(data);
    return status;
}

static zc_status index_of(const char *text, uint32_t flags)
{
    zc_tlv_rules rules = {.flags = flags};

    return index_with(text, &rules);
}

static void refuses(const char *text, uint32_t flags, zc_status status, size_t at)
{
    EQUAL(index_of(text, flags), status);
    EQUAL(offset, at);
    EQUAL(count, 0);
}

static void nested_objects_are_linked(void)
{
    EQUAL(index_of("7F49 06 81 01 AA 82 01 BB 53 00", 0), ZC_OK);
    EQUAL(count, 4);
    EQUAL(nodes[0].tag, 0x7F49);
    EQUAL(nodes[0].value, 3);
    EQUAL(nodes[0].length, 6);
    EQUAL(nodes[0].parent, ZC_TLV_NONE);
    EQUAL(nodes[0].next, 3);
    EQUAL(nodes[1].tag, 0x81);
    EQUAL(nodes[1].parent, 0);
    EQUAL(nodes[1].next, 2);
    EQUAL(nodes[1].depth, 1);
    EQUAL(nodes[2].header, 6);
    EQUAL(nodes[2].value, 8);
    EQUAL(nodes[2].next, ZC_TLV_NONE);
    EQUAL(nodes[3].tag, 0x53);
    EQUAL(nodes[3].length, 0);
    EQUAL(nodes[3].depth, 0);
}

static void the_caller_says_where_piv_is_not_clean(void)
{
    static const uint32_t open[] = {0x53}, closed[] = {0x71};
    zc_tlv_rules rules = {open, closed, 1, 1, 0};

    EQUAL(index_with("53 07 70 02 3000 71 01 00", &rules), ZC_OK);
    EQUAL(count, 4);
    EQUAL(nodes[3].tag, 0x71);
    EQUAL(nodes[3].parent, 0);
    EQUAL(nodes[3].length, 1);
    rules.closed_count = 0;
    EQUAL(index_with("53 07 70 02 3000 71 01 00", &rules), ZC_E_TAG);
    rules.open_count = 0;
    EQUAL(index_with("53 07 70 02 3000 71 01 00", &rules), ZC_OK);
    EQUAL(count, 1);
}

static void every_length_form_up_to_four_bytes_is_read(void)
{
    EQUAL(index_of("53 81 01 AA", 0), ZC_OK);
    EQUAL(nodes[0].value, 3);
    EQUAL(index_of("53 82 0001 AA", 0), ZC_OK);
    EQUAL(nodes[0].value, 4);
    EQUAL(index_of("53 84 00000001 AA", 0), ZC_OK);
    EQUAL(nodes[0].value, 6);
}

static void lengths_that_run_away_are_refused(void)
{
    refuses("53 02 AA", 0, ZC_E_TRUNCATED, 2);
    refuses("53 84 FFFFFFFF AA", 0, ZC_E_TRUNCATED, 6);
    refuses("53 84 7FFFFFFF AA", 0, ZC_E_TRUNCATED, 6);
    refuses("53 84 FFFFFFFA AA", 0, ZC_E_TRUNCATED, 6);
    refuses("53 85 0000000001 AA", 0, ZC_E_LENGTH, 1);
    refuses("53 FF AA", 0, ZC_E_LENGTH, 1);
    refuses("30 03 04 02 AA 00 00", 0, ZC_E_TRUNCATED, 4);
    refuses("30 80 0000", 0, ZC_E_INDEFINITE, 1);
}

static void what_is_cut_short_is_refused(void)
{
    refuses("53", 0, ZC_E_TRUNCATED, 1);
    refuses("5F", 0, ZC_E_TRUNCATED, 1);
    refuses("5FC1", 0, ZC_E_TRUNCATED, 2);
    refuses("5FC105", 0, ZC_E_TRUNCATED, 3);
    refuses("53 82 01", 0, ZC_E_TRUNCATED, 1);
    refuses("30 01 04", 0, ZC_E_TRUNCATED, 3);
}

static void what_is_no_tag_is_refused(void)
{
    refuses("00 00", 0, ZC_E_TAG, 0);
    refuses("53 00 1F 80 01 00", 0, ZC_E_TAG, 2);
    refuses("1F 1E 00", 0, ZC_E_TAG, 0);
    refuses("1F 81 82 83 04 00", 0, ZC_E_TAG, 0);
    EQUAL(index_of("1F 81 82 03 00", 0), ZC_OK);
    EQUAL(nodes[0].tag, 0x1F818203);
}

static void der_wants_the_shortest_length(void)
{
    refuses("04 81 01 AA", ZC_TLV_DER, ZC_E_NOT_MINIMAL, 1);
    refuses("04 82 0001 AA", ZC_TLV_DER, ZC_E_NOT_MINIMAL, 1);
    refuses("04 84 00000001 AA", ZC_TLV_DER, ZC_E_NOT_MINIMAL, 1);
    EQUAL(index_of("30 03 04 01 AA", ZC_TLV_DER), ZC_OK);
    EQUAL(count, 2);
}

static void der_takes_long_lengths_that_are_shortest(void)
{
    static uint8_t data[3 + 0x80] = {0x04, 0x81, 0x80};
    static uint8_t longer[4 + 0x100] = {0x04, 0x82, 0x01, 0x00};
    zc_tlv_rules rules = {.flags = ZC_TLV_DER};

    EQUAL(zc_tlv_index(data, sizeof data, &rules, nodes, ROOM, &count, &offset), ZC_OK);
    EQUAL(zc_tlv_index(longer, sizeof longer, &rules, nodes, ROOM, &count, &offset), ZC_OK);
    longer[1] = 0x83;
    longer[2] = 0x00;
    longer[3] = 0x01;
    longer[4] = 0x00;
    EQUAL(zc_tlv_index(longer, sizeof longer, &rules, nodes, ROOM, &count, &offset), ZC_E_NOT_MINIMAL);
}

static void padding_is_skipped_only_at_the_top_and_when_asked(void)
{
    EQUAL(index_of("00 FF 53 00 00 00 FF FF", ZC_TLV_PADDING), ZC_OK);
    EQUAL(count, 1);
    EQUAL(nodes[0].header, 2);
    EQUAL(index_of("00 53 00", 0), ZC_E_TAG);
    EQUAL(index_of("30 02 00 00", ZC_TLV_PADDING), ZC_E_TAG);
    EQUAL(index_of("", ZC_TLV_PADDING), ZC_OK);
    EQUAL(count, 0);
}

static void nesting_has_a_limit(void)
{
    uint8_t data[2 * (ZC_TLV_DEPTH + 2)];
    zc_tlv_rules rules = {.flags = 0};

    for (size_t i = 0; i < sizeof data; i += 2) {
        data[i] = 0x30;
        data[i + 1] = (uint8_t)(sizeof data - i - 2);
    }
    EQUAL(zc_tlv_index(data + 4, sizeof data - 4, &rules, nodes, ROOM, &count, &offset), ZC_OK);
    EQUAL(count, ZC_TLV_DEPTH);
    EQUAL(zc_tlv_index(data, sizeof data, &rules, nodes, ROOM, &count, &offset), ZC_E_DEPTH);
}

static void too_few_nodes_tells_how_many(void)
{
    size_t length;
    uint8_t *data = hex("30 06 81 01 AA 82 01 BB 53 00", &length);
    zc_tlv_rules rules = {.flags = 0};
    zc_tlv_node *few;

    EQUAL(zc_tlv_index(data, length, &rules, NULL, 0, &count, &offset), ZC_E_CAPACITY);
    EQUAL(count, 4);
    for (size_t room = 1; room <= 4; room++) {
        few = malloc(room * sizeof *few);
        EQUAL(zc_tlv_index(data, length, &rules, few, room, &count, &offset), room < 4 ? ZC_E_CAPACITY : ZC_OK);
        EQUAL(count, 4);
        free(few);
    }
    free(data);
}

static void data_that_32_bits_cannot_count_are_refused(void)
{
    zc_tlv_rules rules = {.flags = 0};
    uint8_t byte = 0;

    EQUAL(zc_tlv_index(&byte, (size_t)UINT32_MAX, &rules, nodes, ROOM, &count, &offset), ZC_E_RANGE);
}

static void every_prefix_and_every_changed_byte_stays_within_bounds(void)
{
    static const char text[] = "7F49 0A 81 02 AABB 30 04 5FC105 00 53 81 02 3000";
    size_t length;
    uint8_t *whole = hex(text, &length);
    zc_tlv_rules rules = {.flags = 0};

    for (size_t cut = 0; cut <= length; cut++) {
        uint8_t *part = exactly(whole, cut);

        for (size_t i = 0; i < cut * 256; i++) {
            uint8_t kept = part[i / 256];

            part[i / 256] = (uint8_t)i;
            zc_tlv_index(part, cut, &rules, nodes, ROOM, &count, &offset);
            CHECK(offset <= cut);
            for (size_t n = 0; n < count; n++)
                CHECK(nodes[n].length <= cut && nodes[n].value <= cut - nodes[n].length);
            part[i / 256] = kept;
        }
        free(part);
    }
    free(whole);
}

static void paths_find_what_they_name(void)
{
    static const uint32_t path[] = {0x30, 0x81}, missing[] = {0x30, 0x83}, deeper[] = {0x30, 0x81, 0x81};
    size_t found;

    EQUAL(index_of("30 00 30 06 81 01 AA 81 01 BB 81 00 30 02 81 00", 0), ZC_OK);
    EQUAL(zc_tlv_find(nodes, count, path, 2, 0, &found), ZC_OK);
    EQUAL(found, 2);
    EQUAL(zc_tlv_find(nodes, count, path, 2, found + 1, &found), ZC_OK);
    EQUAL(found, 3);
    EQUAL(zc_tlv_find(nodes, count, path, 2, found + 1, &found), ZC_OK);
    EQUAL(found, 6);
    EQUAL(zc_tlv_find(nodes, count, path, 2, found + 1, &found), ZC_E_MISSING);
    EQUAL(zc_tlv_find(nodes, count, missing, 2, 0, &found), ZC_E_MISSING);
    EQUAL(zc_tlv_find(nodes, count, deeper, 3, 0, &found), ZC_E_MISSING);
    EQUAL(zc_tlv_find(nodes, 0, path, 1, 0, &found), ZC_E_MISSING);
}

static void headers(uint32_t tag, size_t value_length, const char *want)
{
    size_t want_length, length;
    uint8_t *wanted = hex(want, &want_length), out[ZC_TLV_HEADER_MAX];

    EQUAL(zc_tlv_header(tag, value_length, out, &length), ZC_OK);
    EQUAL(length, want_length);
    CHECK(memcmp(out, wanted, want_length) == 0);
    free(wanted);
}

static void headers_are_the_shortest(void)
{
    uint8_t out[ZC_TLV_HEADER_MAX];
    size_t length;

    headers(0x53, 0, "53 00");
    headers(0x53, 127, "53 7F");
    headers(0x53, 128, "53 81 80");
    headers(0x7F49, 255, "7F49 81 FF");
    headers(0x5FC105, 256, "5FC105 82 0100");
    headers(0x1F818203, UINT32_MAX, "1F818203 84 FFFFFFFF");
    EQUAL(zc_tlv_header(0, 0, out, &length), ZC_E_TAG);
    EQUAL(zc_tlv_header(0x5F, 0, out, &length), ZC_E_TAG);
    EQUAL(zc_tlv_header(0x5301, 0, out, &length), ZC_E_TAG);
    EQUAL(zc_tlv_header(0x5F80, 0, out, &length), ZC_E_TAG);
    EQUAL(zc_tlv_header(0x53, (size_t)UINT32_MAX + 1, out, &length), ZC_E_RANGE);
}

int main(void)
{
    RUN(nested_objects_are_linked);
    RUN(the_caller_says_where_piv_is_not_clean);
    RUN(every_length_form_up_to_four_bytes_is_read);
    RUN(lengths_that_run_away_are_refused);
    RUN(what_is_cut_short_is_refused);
    RUN(what_is_no_tag_is_refused);
    RUN(der_wants_the_shortest_length);
    RUN(der_takes_long_lengths_that_are_shortest);
    RUN(padding_is_skipped_only_at_the_top_and_when_asked);
    RUN(nesting_has_a_limit);
    RUN(too_few_nodes_tells_how_many);
    RUN(data_that_32_bits_cannot_count_are_refused);
    RUN(every_prefix_and_every_changed_byte_stays_within_bounds);
    RUN(paths_find_what_they_name);
    RUN(headers_are_the_shortest);
    return report();
}
