/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"
#include "zc.h"

typedef zc_status next_object(const uint8_t *data, size_t length, size_t *at, zc_tlv_flat *object);

static zc_tlv_flat objects[8];
static size_t count, stopped;

/* Read objects until there are no more or something is wrong. */
static zc_status read_all(next_object *next, const char *text)
{
    size_t length;
    uint8_t *loose = hex(text, &length), *data = exactly(loose, length);
    zc_status status;

    stopped = 0;
    for (count = 0; (status = next(data, length, &stopped, &objects[count])) == ZC_MORE; count++)
        ;
    free(loose);
    free(data);
    return status;
}

static void is(size_t index, uint32_t tag, uint32_t value, uint32_t length)
{
    EQUAL(objects[index].tag, tag);
    EQUAL(objects[index].value, value);
    EQUAL(objects[index].length, length);
}

static void compact_objects_follow_each_other(void)
{
    EQUAL(read_all(zc_tlv_compact, "31 80 73 00 00 C0 40"), ZC_OK);
    EQUAL(count, 3);
    is(0, 3, 1, 1);
    is(1, 7, 3, 3);
    is(2, 4, 7, 0);
    EQUAL(read_all(zc_tlv_compact, ""), ZC_OK);
    EQUAL(count, 0);
}

static void a_compact_value_cut_short_is_refused_where_its_object_begins(void)
{
    EQUAL(read_all(zc_tlv_compact, "31 80 73 00 00"), ZC_E_TRUNCATED);
    EQUAL(count, 1);
    EQUAL(stopped, 2);
    EQUAL(read_all(zc_tlv_compact, "FF"), ZC_E_TRUNCATED);
}

static void simple_objects_have_short_and_long_lengths(void)
{
    EQUAL(read_all(zc_tlv_simple, "01 02 AABB FE 00 70 FF 0003 AABBCC"), ZC_OK);
    EQUAL(count, 3);
    is(0, 0x01, 2, 2);
    is(1, 0xFE, 6, 0);
    is(2, 0x70, 10, 3);
}

static void what_is_not_simple_is_refused(void)
{
    EQUAL(read_all(zc_tlv_simple, "00 00"), ZC_E_TAG);
    EQUAL(read_all(zc_tlv_simple, "01 00 FF 00"), ZC_E_TAG);
    EQUAL(stopped, 2);
    EQUAL(read_all(zc_tlv_simple, "01"), ZC_E_TRUNCATED);
    EQUAL(read_all(zc_tlv_simple, "01 FE AA"), ZC_E_TRUNCATED);
    EQUAL(read_all(zc_tlv_simple, "01 FF"), ZC_E_TRUNCATED);
    EQUAL(read_all(zc_tlv_simple, "01 FF 00"), ZC_E_TRUNCATED);
    EQUAL(read_all(zc_tlv_simple, "01 FF FFFF AA"), ZC_E_TRUNCATED);
    EQUAL(stopped, 0);
}

static void an_offset_outside_is_refused(void)
{
    uint8_t byte = 0x10;
    size_t at = 2;

    EQUAL(zc_tlv_compact(&byte, 1, &at, objects), ZC_E_RANGE);
    EQUAL(zc_tlv_simple(&byte, 1, &at, objects), ZC_E_RANGE);
}

static void simple_headers_are_written(void)
{
    uint8_t out[4];
    size_t length;

    EQUAL(zc_tlv_simple_header(0x70, 254, out, &length), ZC_OK);
    EQUAL(length, 2);
    CHECK(memcmp(out, "\x70\xFE", 2) == 0);
    EQUAL(zc_tlv_simple_header(0xFE, 255, out, &length), ZC_OK);
    EQUAL(length, 4);
    CHECK(memcmp(out, "\xFE\xFF\x00\xFF", 4) == 0);
    EQUAL(zc_tlv_simple_header(0x70, 65535, out, &length), ZC_OK);
    EQUAL(zc_tlv_simple_header(0x70, 65536, out, &length), ZC_E_RANGE);
    EQUAL(zc_tlv_simple_header(0x00, 0, out, &length), ZC_E_TAG);
    EQUAL(zc_tlv_simple_header(0xFF, 0, out, &length), ZC_E_TAG);
    EQUAL(zc_tlv_simple_header(0x101, 0, out, &length), ZC_E_TAG);
    EQUAL(length, 0);
}

int main(void)
{
    RUN(compact_objects_follow_each_other);
    RUN(a_compact_value_cut_short_is_refused_where_its_object_begins);
    RUN(simple_objects_have_short_and_long_lengths);
    RUN(what_is_not_simple_is_refused);
    RUN(an_offset_outside_is_refused);
    RUN(simple_headers_are_written);
    return report();
}
