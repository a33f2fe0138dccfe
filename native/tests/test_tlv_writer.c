/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"
#include "zc.h"

enum { SPACE = 70000 };

static zc_tlv_writer writer;
static uint8_t *out;
static size_t length;

static void written(const char *want)
{
    size_t want_length;
    uint8_t *wanted = hex(want, &want_length);

    EQUAL(zc_tlv_writer_end(&writer, &length), ZC_OK);
    EQUAL(length, want_length);
    CHECK(length == want_length && memcmp(out, wanted, length) == 0);
    free(wanted);
}

static void objects_are_nested(void)
{
    zc_tlv_writer_begin(&writer, out, SPACE);
    EQUAL(zc_tlv_writer_open(&writer, 0x7F49), ZC_OK);
    EQUAL(zc_tlv_writer_put(&writer, 0x81, (const uint8_t *)"\xAA", 1), ZC_OK);
    EQUAL(zc_tlv_writer_open(&writer, 0x53), ZC_OK);
    EQUAL(zc_tlv_writer_raw(&writer, (const uint8_t *)"\x30\x00", 2), ZC_OK);
    EQUAL(zc_tlv_writer_close(&writer), ZC_OK);
    EQUAL(zc_tlv_writer_close(&writer), ZC_OK);
    EQUAL(zc_tlv_writer_put(&writer, 0xFE, NULL, 0), ZC_OK);
    written("7F49 07 81 01 AA 53 02 30 00 FE 00");
}

static void nothing_is_written_as_nothing(void)
{
    zc_tlv_writer_begin(&writer, NULL, 0);
    EQUAL(zc_tlv_writer_end(&writer, &length), ZC_OK);
    EQUAL(length, 0);
}

static void lengths_grow_when_objects_are_closed(void)
{
    static const size_t sizes[] = {0x7F, 0x80, 0xFF, 0x100, 0xFFFF};
    static const size_t outer[] = {2, 3, 3, 4, 4}, inner[] = {2, 2, 3, 3, 4};
    uint8_t *value = calloc(1, 0xFFFF);

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        zc_tlv_rules rules = {.flags = ZC_TLV_DER};
        zc_tlv_node nodes[2];
        size_t count, offset;

        zc_tlv_writer_begin(&writer, out, SPACE);
        zc_tlv_writer_open(&writer, 0x30);
        zc_tlv_writer_raw(&writer, value, 0); /* the value may come in parts */
        zc_tlv_writer_put(&writer, 0x04, value, sizes[i] - inner[i]);
        zc_tlv_writer_close(&writer);
        EQUAL(zc_tlv_writer_end(&writer, &length), ZC_OK);
        EQUAL(zc_tlv_index(out, length, &rules, nodes, 2, &count, &offset), ZC_OK);
        EQUAL(count, 2);
        EQUAL(nodes[0].value, outer[i]);
        EQUAL(nodes[0].length, sizes[i]);
    }
    free(value);
}

static void what_does_not_fit_is_refused_at_every_capacity(void)
{
    for (size_t capacity = 0; capacity <= 9; capacity++) {
        uint8_t *small = malloc(capacity ? capacity : 1);

        zc_tlv_writer_begin(&writer, small, capacity);
        zc_tlv_writer_open(&writer, 0x7F49);
        zc_tlv_writer_put(&writer, 0x81, (const uint8_t *)"\xAA\xBB", 2);
        zc_tlv_writer_open(&writer, 0x30);
        zc_tlv_writer_close(&writer);
        zc_tlv_writer_close(&writer);
        EQUAL(zc_tlv_writer_end(&writer, &length), capacity == 9 ? ZC_OK : ZC_E_CAPACITY);
        EQUAL(length, capacity == 9 ? 9 : 0);
        free(small);
    }
}

static void the_first_failure_stays(void)
{
    zc_tlv_writer_begin(&writer, out, SPACE);
    EQUAL(zc_tlv_writer_put(&writer, 0x5F, NULL, 0), ZC_E_TAG);
    EQUAL(zc_tlv_writer_open(&writer, 0x30), ZC_E_TAG);
    EQUAL(zc_tlv_writer_close(&writer), ZC_E_TAG);
    EQUAL(zc_tlv_writer_raw(&writer, out, 1), ZC_E_TAG);
    EQUAL(zc_tlv_writer_end(&writer, &length), ZC_E_TAG);
    EQUAL(writer.length, 0);
}

static void what_is_no_tag_is_not_opened(void)
{
    zc_tlv_writer_begin(&writer, out, SPACE);
    EQUAL(zc_tlv_writer_open(&writer, 0x1F1E), ZC_E_TAG);
    EQUAL(zc_tlv_writer_end(&writer, &length), ZC_E_TAG);
}

static void opening_and_closing_must_match(void)
{
    zc_tlv_writer_begin(&writer, out, SPACE);
    EQUAL(zc_tlv_writer_close(&writer), ZC_E_DEPTH);
    zc_tlv_writer_begin(&writer, out, SPACE);
    zc_tlv_writer_open(&writer, 0x30);
    EQUAL(zc_tlv_writer_end(&writer, &length), ZC_E_DEPTH);
    zc_tlv_writer_begin(&writer, out, SPACE);
    for (int i = 0; i < ZC_TLV_DEPTH; i++)
        EQUAL(zc_tlv_writer_open(&writer, 0x30), ZC_OK);
    EQUAL(zc_tlv_writer_open(&writer, 0x30), ZC_E_DEPTH);
}

int main(void)
{
    out = malloc(SPACE);
    RUN(objects_are_nested);
    RUN(nothing_is_written_as_nothing);
    RUN(lengths_grow_when_objects_are_closed);
    RUN(what_does_not_fit_is_refused_at_every_capacity);
    RUN(the_first_failure_stays);
    RUN(what_is_no_tag_is_not_opened);
    RUN(opening_and_closing_must_match);
    free(out);
    return report();
}
