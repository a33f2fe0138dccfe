/* SPDX-License-Identifier: Apache-2.0
 * CRLs put together here from hexadecimal parts; what cryptography makes of whole ones is compared in tests/unit/test_revoked.py. */
#include "harness.h"
#include "zc.h"

enum { ROOM = 1 << 16, HEADER = 32, RECORD = 32 };

static uint8_t crl[8192], out[ROOM];
static size_t crl_length, index_length;

static size_t put(uint8_t *at, const char *text)
{
    size_t length;
    uint8_t *bytes = hex(text, &length);

    memcpy(at, bytes, length);
    free(bytes);
    return length;
}

/* A CertificateList whose revokedCertificates are `entries`; NULL leaves the field out. */
static void make(const char *entries, const char *after)
{
    uint8_t *list = crl;
    size_t length = put(list, "020101 3003060100 3000 170D3236303130313030303030305A 170D3237303130313030303030305A");

    if (entries != NULL)
        length += wrap(list + length, put(list + length, entries), 0x30);
    length += put(list + length, after);
    length = wrap(list, length, 0x30);
    length += put(list + length, "3003060100 0302 00AA");
    crl_length = wrap(list, length, 0x30);
}

static zc_status build(void)
{
    uint8_t *exact = exactly(crl, crl_length), *room = malloc(zc_revoked_room(crl_length));
    zc_status status = zc_revoked_build(exact, crl_length, room, zc_revoked_room(crl_length), &index_length);

    if (index_length > 0)
        memcpy(out, room, index_length);
    free(exact);
    free(room);
    return status;
}

static zc_status entries(const char *text)
{
    make(text, "A000");
    return build();
}

static zc_status find(const char *serial, zc_revoked *entry)
{
    size_t length;
    uint8_t *loose = hex(serial, &length), *exact = exactly(loose, length), *index = exactly(out, index_length);
    zc_status status = zc_revoked_find(index, index_length, exact, length, entry);

    free(loose);
    free(exact);
    free(index);
    return status;
}

#define PLAIN(serial, date) "3013 0202" serial "170D" date
#define JAN_2026 "3236303130313030303030305A"
#define REASON_EXTENSION(code) "300C 300A 0603551D15 0403 0A01" code

static void a_list_without_entries_is_an_empty_index(void)
{
    zc_revoked entry;

    EQUAL(entries(NULL), ZC_OK);
    EQUAL(zc_revoked_check(out, index_length), ZC_OK);
    EQUAL(find("01", &entry), ZC_E_MISSING);
    EQUAL(zc_revoked_at(out, index_length, 0, &entry), ZC_E_MISSING);
}

static void an_entry_is_found_by_its_serial_with_reason_and_date(void)
{
    zc_revoked entry;

    EQUAL(entries("3013 0202 1234 170D" JAN_2026 "3021 0202 00FF 170D" JAN_2026 REASON_EXTENSION("06")), ZC_OK);
    EQUAL(zc_revoked_check(out, index_length), ZC_OK);
    EQUAL(find("1234", &entry), ZC_OK);
    EQUAL(entry.reason, 0);
    EQUAL(entry.since, 1767225600);
    EQUAL(find("0000001234", &entry), ZC_OK);
    EQUAL(find("FF", &entry), ZC_OK);
    EQUAL(entry.reason, 6);
    EQUAL(find("1235", &entry), ZC_E_MISSING);
    EQUAL(find("", &entry), ZC_E_MISSING);
    EQUAL(find("00112233445566778899AABBCCDDEEFF00112233445566", &entry), ZC_E_MISSING);
    EQUAL(zc_revoked_at(out, index_length, 1, &entry), ZC_OK);
    EQUAL(zc_revoked_at(out, index_length, 2, &entry), ZC_E_MISSING);
}

static void dates_are_those_of_the_calendar(void)
{
    static const struct {
        const char *entry;
        long long since;
    } cases[] = {
        {"3012 020105 170D 3439313233313233353935395A", 2524607999},    /* 2049 */
        {"3012 020105 170D 3530303130313030303030305A", -631152000},    /* 1950 */
        {"3012 020105 170D 3030303232393132303030305A", 951825600},     /* 29 February 2000 */
        {"3014 020105 180F 30303031303130313030303030305A", -62135596800}, /* year 1 */
        {"3014 020105 180F 39393939313233313233353935395A", 253402300799},
    };
    zc_revoked entry;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        EQUAL(entries(cases[i].entry), ZC_OK);
        EQUAL(find("05", &entry), ZC_OK);
        EQUAL(entry.since, cases[i].since);
        EQUAL(zc_revoked_check(out, index_length), ZC_OK);
    }
}

static void of_two_entries_the_one_for_good_counts(void)
{
    zc_revoked entry;

    EQUAL(entries("3020 020105 170D" JAN_2026 REASON_EXTENSION("06") "3020 020105 170D" JAN_2026 REASON_EXTENSION("01")
                  "3020 020105 170D 3237303130313030303030305A" REASON_EXTENSION("04")), ZC_OK);
    EQUAL(find("05", &entry), ZC_OK);
    EQUAL(entry.reason, 1);
    EQUAL(entry.since, 1767225600);
    EQUAL(zc_revoked_at(out, index_length, 1, &entry), ZC_E_MISSING);
    EQUAL(zc_revoked_check(out, index_length), ZC_OK);
}

static void what_is_not_a_full_list_is_refused(void)
{
    static const struct {
        const char *entry;
        zc_status status;
    } cases[] = {
        {"3012 020185 170D" JAN_2026, ZC_E_SERIAL},
        {"3027 0216 7F00112233445566778899AABBCCDDEEFF0011223344 170D" JAN_2026, ZC_E_SERIAL},
        {"3013 0202 0005 170D" JAN_2026, ZC_E_NOT_MINIMAL},
        {"3011 0200 170D" JAN_2026, ZC_E_TRUNCATED},
        {"3012 020105 170D 3236303233303030303030305A", ZC_E_TIME},  /* 30 February */
        {"3012 020105 170D 3236303130313234303030305A", ZC_E_TIME},  /* 24 o'clock */
        {"3012 020105 170D 323630313031303030303030 2B", ZC_E_TIME}, /* no Z */
        {"3014 020105 180F 30303030303130313030303030305A", ZC_E_TIME}, /* year 0 */
        {"3010 020105 170B 323630313031303030305A", ZC_E_TIME},      /* no seconds */
        {"3012 020105 040D" JAN_2026, ZC_E_TAG},
        {"3020 020105 170D" JAN_2026 REASON_EXTENSION("08"), ZC_E_REASON},
        {"3020 020105 170D" JAN_2026 REASON_EXTENSION("07"), ZC_E_REASON},
        {"3020 020105 170D" JAN_2026 REASON_EXTENSION("0B"), ZC_E_REASON},
        {"302C 020105 170D" JAN_2026 "3018 300A 0603551D15 04030A0101 300A 0603551D15 04030A0101", ZC_E_REASON},
        {"3021 020105 170D" JAN_2026 "300D 300B 0603551D1D 0101FF 0401 00", ZC_E_CRITICAL},
        {"3021 020105 170D" JAN_2026 "300D 300B 0603551D1D 010100 0401 00", ZC_E_NOT_MINIMAL},
        {"3014 020105 170D" JAN_2026 "3000", ZC_E_TRAILING},
        {"3015 020105 170D" JAN_2026 "020100", ZC_E_TAG},
        {"3012 020105 170D 32363031303130303030", ZC_E_TRUNCATED},
        {"3080 0000", ZC_E_LENGTH},
        {"308112 020105 170D" JAN_2026, ZC_E_NOT_MINIMAL},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        EQUAL(entries(cases[i].entry), cases[i].status);
        EQUAL(index_length, 0);
    }
    make("3012 020105 170D" JAN_2026, "A000 0500");
    EQUAL(build(), ZC_E_TRAILING);
    make(NULL, "");
    EQUAL(build(), ZC_OK);
    crl[crl_length++] = 0;
    EQUAL(build(), ZC_E_TRAILING);
    EQUAL(zc_revoked_build(crl, crl_length, out, 10, &index_length), ZC_E_TRAILING);
    EQUAL(zc_revoked_build(crl, crl_length - 1, out, 10, &index_length), ZC_E_CAPACITY);
}

#define EXTENSION(last) "A00C 300A 3008 0603551D" last "0401 00"

/* RFC 5280, 5.3.1: removeFromCRL in a delta alone; anything else that is said of the same serial counts before it. */
static void removal_is_for_deltas(void)
{
    static const char removed[] = "3020 020105 170D" JAN_2026 REASON_EXTENSION("08");
    zc_revoked entry;

    make(removed, EXTENSION("1B"));
    EQUAL(build(), ZC_OK);
    EQUAL(zc_revoked_check(out, index_length), ZC_OK);
    EQUAL(find("05", &entry), ZC_OK);
    EQUAL(entry.reason, 8);
    make(removed, EXTENSION("14"));
    EQUAL(build(), ZC_E_REASON);
    make(removed, "A009 3007 3005 0403551D1B");
    EQUAL(build(), ZC_E_TAG);
    make("3020 020105 170D" JAN_2026 REASON_EXTENSION("08") "3020 020105 170D" JAN_2026 REASON_EXTENSION("06"), EXTENSION("1B"));
    EQUAL(build(), ZC_OK);
    EQUAL(find("05", &entry), ZC_OK);
    EQUAL(entry.reason, 6);
}

static void invalidity_date_and_unknown_extensions_are_passed_over(void)
{
    EQUAL(entries("302F 020105 170D" JAN_2026
                  "301B 3019 0603551D18 0101FF 040F 180D 32363031303130303030303030"), ZC_OK);
    EQUAL(entries("301E 020105 170D" JAN_2026 "300A 3008 0603551D1D 0401 00"), ZC_OK);
}

/* Any byte of an index changed, any length: refused, or still an index that is safe to look into. */
static void a_hostile_file_is_refused_or_harmless(void)
{
    zc_revoked entry;
    size_t whole;

    EQUAL(entries(PLAIN("1234", JAN_2026) PLAIN("1235", JAN_2026) PLAIN("1236", JAN_2026)), ZC_OK);
    whole = index_length;
    for (size_t length = 0; length < whole; length++) {
        uint8_t *cut = exactly(out, length);

        EQUAL(zc_revoked_check(cut, length), ZC_E_INDEX);
        EQUAL(zc_revoked_find(cut, length, (const uint8_t *)"\x12\x34", 2, &entry), ZC_E_INDEX);
        free(cut);
    }
    for (size_t at = 0; at < whole; at++) {
        uint8_t *changed = exactly(out, whole);

        changed[at] ^= 0x80;
        if (at < HEADER || at >= HEADER + 3 * RECORD)
            EQUAL(zc_revoked_check(changed, whole), ZC_E_INDEX);
        (void)zc_revoked_check(changed, whole);
        for (uint8_t serial = 0x30; serial < 0x40; serial++) {
            uint8_t wanted[] = {0x12, serial};

            (void)zc_revoked_find(changed, whole, wanted, 2, &entry);
        }
        free(changed);
    }
}

static void many_entries_are_all_found(void)
{
    enum { MANY = 200 };
    static char text[MANY * 48];
    zc_revoked entry;

    for (int i = 0; i < MANY; i++)
        snprintf(text + strlen(text), 48, "3013 0202 %04X 170D" JAN_2026, 0x1000 + 7 * i);
    EQUAL(entries(text), ZC_OK);
    EQUAL(zc_revoked_check(out, index_length), ZC_OK);
    for (int i = 0; i < 7 * MANY; i++) {
        char serial[8];

        snprintf(serial, sizeof serial, "%04X", 0x1000 + i);
        EQUAL(find(serial, &entry), i % 7 == 0 ? ZC_OK : ZC_E_MISSING);
    }
}

int main(void)
{
    RUN(a_list_without_entries_is_an_empty_index);
    RUN(an_entry_is_found_by_its_serial_with_reason_and_date);
    RUN(dates_are_those_of_the_calendar);
    RUN(of_two_entries_the_one_for_good_counts);
    RUN(what_is_not_a_full_list_is_refused);
    RUN(removal_is_for_deltas);
    RUN(invalidity_date_and_unknown_extensions_are_passed_over);
    RUN(a_hostile_file_is_refused_or_harmless);
    RUN(many_entries_are_all_found);
    return report();
}
