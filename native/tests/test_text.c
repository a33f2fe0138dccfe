/* SPDX-License-Identifier: Apache-2.0
 * Texts of a log-in: the plain objects of JSON that are read, and the UZI register's otherName. What Python's json and re make of
 * them is compared in tests/unit/test_text.py. */
#include "harness.h"
#include "zc.h"

static int is_text(const uint8_t *in, zc_slice part, const char *wanted)
{
    return part.length == strlen(wanted) && memcmp(in + part.at, wanted, part.length) == 0;
}

static void a_plain_object_is_read(void)
{
    static const char json[] = " {\"a\" :\t\"b\",\"\":\"\"\r,\n\"c\":\"1/\x7F\"} ";
    uint8_t *text = exactly(json, sizeof json - 1);
    zc_member members[3];
    size_t count;

    EQUAL(zc_json_texts(text, sizeof json - 1, members, 3, &count), ZC_OK);
    EQUAL(count, 3);
    CHECK(is_text(text, members[0].name, "a") && is_text(text, members[0].text, "b"));
    CHECK(is_text(text, members[1].name, "") && is_text(text, members[1].text, ""));
    CHECK(is_text(text, members[2].name, "c") && is_text(text, members[2].text, "1/\x7F"));
    EQUAL(zc_json_texts(text, sizeof json - 1, members, 2, &count), ZC_E_CAPACITY);
    EQUAL(count, 0);
    free(text);
}

static void what_is_no_plain_object_is_left_to_others(void)
{
    static const struct {
        const char *text;
        zc_status status;
    } cases[] = {
        {"{}", ZC_OK}, {" { } ", ZC_OK}, {"", ZC_E_TEXT}, {" ", ZC_E_TEXT}, {"{", ZC_E_TEXT}, {"[]", ZC_E_TEXT}, {"{,}", ZC_E_TEXT},
        {"{\"", ZC_E_TEXT}, {"{\"a", ZC_E_TEXT}, {"{\"a\"", ZC_E_TEXT}, {"{\"a\":", ZC_E_TEXT}, {"{\"a\":\"b", ZC_E_TEXT},
        {"{\"a\":\"b\"", ZC_E_TEXT}, {"{\"a\":\"b\",", ZC_E_TEXT}, {"{\"a\":\"b\",}", ZC_E_TEXT}, {"{\"a\":\"b\"\"c\":\"d\"}", ZC_E_TEXT},
        {"{\"a\",\"b\"}", ZC_E_TEXT}, {"{\"a\":1}", ZC_E_TEXT}, {"{\"a\":null}", ZC_E_TEXT}, {"{\"a\":{}}", ZC_E_TEXT}, {"{a:\"b\"}", ZC_E_TEXT},
        {"{'a':'b'}", ZC_E_TEXT}, {"{\"a\":\"\\n\"}", ZC_E_TEXT}, {"{\"a\\\"\":\"b\"}", ZC_E_TEXT}, {"{\"a\":\"\t\"}", ZC_E_TEXT},
        {"{\"a\":\"\xC3\xA9\"}", ZC_E_TEXT}, {"{\"a\":\"b\"}}", ZC_E_TRAILING}, {"{}{}", ZC_E_TRAILING}, {"{}\v", ZC_E_TRAILING},
        {"\xEF\xBB\xBF{}", ZC_E_TEXT},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t *text = exactly(cases[i].text, strlen(cases[i].text));
        zc_member members[4];
        size_t count = 9;

        EQUAL(zc_json_texts(text, strlen(cases[i].text), members, 4, &count), cases[i].status);
        EQUAL(count, 0);
        free(text);
    }
}

static void a_control_character_is_found_wherever_it_stands(void)
{
    enum { LENGTH = 100 };
    zc_member members[1];
    size_t count;

    for (size_t at = 5; at < 5 + LENGTH; at++) {
        uint8_t *text = malloc(LENGTH + 8);

        memset(text, 'x', LENGTH + 8);
        memcpy(text, "{\"\":\"", 5);
        memcpy(text + 5 + LENGTH, "\"} ", 3);
        EQUAL(zc_json_texts(text, LENGTH + 8, members, 1, &count), ZC_OK);
        text[at] = 0;
        EQUAL(zc_json_texts(text, LENGTH + 8, members, 1, &count), ZC_E_TEXT);
        free(text);
    }
}

static void a_text_longer_than_any_message_is_not_looked_at(void)
{
    zc_member member;
    size_t count;

    EQUAL(zc_json_texts((const uint8_t *)"{}", ZC_JSON_MAX + 1, &member, 1, &count), ZC_E_RANGE);
}

static void a_uzi_name_has_seven_fields(void)
{
    static const char name[] = "2.16.528.1.1003.1.3.5.5.2-1-123456789-Z-90000123-01.015-00000000";
    static const char *const wanted[ZC_UZI_FIELDS] = {"2.16.528.1.1003.1.3.5.5.2", "1", "123456789", "Z", "90000123", "01.015", "00000000"};
    uint8_t *text = exactly(name, sizeof name - 1);
    zc_slice fields[ZC_UZI_FIELDS];

    EQUAL(zc_uzi_name(text, sizeof name - 1, fields), ZC_OK);
    for (size_t i = 0; i < ZC_UZI_FIELDS; i++)
        CHECK(is_text(text, fields[i], wanted[i]));
    free(text);
}

static void each_field_has_its_form(void)
{
    static const char good[] = "0.1-1-000000000-S-00000000-00.000-00000000";
    static const struct {
        size_t at;
        char put;
    } faults[] = {{0, '3'}, {0, '/'}, {0, '.'}, {1, '-'}, {1, '1'}, {2, '.'}, {2, 'x'}, {3, '.'}, {4, '2'}, {5, '1'}, {6, '/'}, {14, ':'}, {15, '_'},
                  {16, 'z'}, {16, 'A'}, {18, ' '}, {25, 'a'}, {29, ','}, {34, 'O'}, {41, '\n'}};
    static const char *const names[] = {"1.02-1-000000000-S-00000000-00.000-00000000", "1.-1-000000000-S-00000000-00.000-00000000",
                                        "1.2.-1-000000000-S-00000000-00.000-00000000", "1..2-1-000000000-S-00000000-00.000-00000000"};
    zc_slice fields[ZC_UZI_FIELDS];

    EQUAL(zc_uzi_name((const uint8_t *)good, sizeof good - 1, fields), ZC_OK);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        uint8_t *text = exactly(good, sizeof good - 1);

        text[faults[i].at] = (uint8_t)faults[i].put;
        EQUAL(zc_uzi_name(text, sizeof good - 1, fields), ZC_E_TEXT);
        free(text);
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        EQUAL(zc_uzi_name((const uint8_t *)names[i], strlen(names[i]), fields), ZC_E_TEXT);
    for (size_t length = 0; length < sizeof good - 1; length++) {
        uint8_t *text = exactly(good, length);

        CHECK(zc_uzi_name(text, length, fields) != ZC_OK);
        free(text);
    }
    EQUAL(zc_uzi_name((const uint8_t *)good, ZC_CERTIFICATE_MAX + 1, fields), ZC_E_RANGE);
}

int main(void)
{
    RUN(a_plain_object_is_read);
    RUN(what_is_no_plain_object_is_left_to_others);
    RUN(a_control_character_is_found_wherever_it_stands);
    RUN(a_text_longer_than_any_message_is_not_looked_at);
    RUN(a_uzi_name_has_seven_fields);
    RUN(each_field_has_its_form);
    return report();
}
