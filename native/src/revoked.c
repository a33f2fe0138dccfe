/* SPDX-License-Identifier: Apache-2.0
 * The revocation index: read off a CRL in one pass, put in order where it stands. The file's format stands in zc.h. */
#include "zc.h"

#include <string.h>

enum { HEADER = 32, RECORD = 32, SERIAL = 20, REASON = 20, SINCE = 24, COUNT = 8, BITS = 12 };
enum { ENTRY_MIN = 20 }; /* SEQUENCE, an INTEGER of one byte, a UTCTime: no entry of a CRL is shorter */
enum { INTEGER = 0x02, BIT_STRING = 0x03, OCTET_STRING = 0x04, OID = 0x06, ENUMERATED = 0x0A, BOOLEAN = 0x01 };
enum { UTC_TIME = 0x17, GENERALIZED_TIME = 0x18, SEQUENCE = 0x30, EXTENSIONS = 0xA0 };
enum { HOLD = 6, UNUSED = 7, REMOVE = 8, REASON_MAX = 10, BITS_MAX = 27 };

static const uint8_t magic[8] = "ZCREVOK1";

#define SINCE_MIN INT64_C(-62135596800) /* 0001-01-01T00:00:00Z */
#define SINCE_MAX INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

/* What is left to read. */
typedef struct {
    const uint8_t *at, *end;
} span;

static size_t left(span s)
{
    return (size_t)(s.end - s.at);
}

static int next_is(span s, uint8_t tag)
{
    return s.at < s.end && *s.at == tag;
}

/* Take one object of this tag off the front of `from`; a DER length of at most four bytes. */
static zc_status take(span *from, uint8_t tag, span *value)
{
    const uint8_t *at = from->at;
    size_t length, bytes;

    if (left(*from) < 2)
        return ZC_E_TRUNCATED;
    if (at[0] != tag)
        return ZC_E_TAG;
    length = at[1];
    at += 2;
    if (length >= 0x80) {
        bytes = length & 0x7F;
        if (bytes == 0 || bytes > 4)
            return ZC_E_LENGTH;
        if ((size_t)(from->end - at) < bytes)
            return ZC_E_TRUNCATED;
        length = 0;
        for (size_t i = 0; i < bytes; i++)
            length = length << 8 | at[i];
        if (length < 0x80 || length >> (8 * (bytes - 1)) == 0)
            return ZC_E_NOT_MINIMAL;
        at += bytes;
    }
    if (length > (size_t)(from->end - at))
        return ZC_E_TRUNCATED;
    value->at = at;
    value->end = at + length;
    from->at = value->end;
    return ZC_OK;
}

static zc_status skip(span *from, uint8_t tag)
{
    span value;

    return take(from, tag, &value);
}

static uint32_t load32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static void store32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t load64(const uint8_t *at)
{
    return (uint64_t)load32(at) | (uint64_t)load32(at + 4) << 32;
}

static void store64(uint8_t *at, uint64_t value)
{
    store32(at, (uint32_t)value);
    store32(at + 4, (uint32_t)(value >> 32));
}

/* ---- one entry of the CRL ------------------------------------------------------------------------------------------ */

static int digits(const uint8_t **at, int count)
{
    int value = 0;

    while (count-- > 0) {
        uint8_t digit = (uint8_t)(*(*at)++ - '0');

        if (digit > 9)
            return -1;
        value = 10 * value + digit;
    }
    return value;
}

static int days_in(int year, int month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

/* Days from 1970-01-01 to this day of the Gregorian calendar; a year is taken to begin on 1 March. */
static int64_t day_number(int year, int month, int day)
{
    int64_t y = year - (month <= 2), m = (month + 9) % 12;

    return 365 * y + (y + 400) / 4 - (y + 400) / 100 + (y + 400) / 400 + (153 * m + 2) / 5 + day - 1 - 719468 - 97;
}

/* UTCTime YYMMDDHHMMSSZ or GeneralizedTime YYYYMMDDHHMMSSZ (RFC 5280, 4.1.2.5): seconds since 1970. */
static zc_status take_time(span *from, int64_t *seconds)
{
    int general = next_is(*from, GENERALIZED_TIME), year, month, day, hour, minute, second;
    span value;
    zc_status status = take(from, general ? GENERALIZED_TIME : UTC_TIME, &value);

    if (status != ZC_OK)
        return status;
    if (left(value) != (general ? 15U : 13U) || value.end[-1] != 'Z')
        return ZC_E_TIME;
    year = digits(&value.at, general ? 4 : 2);
    month = digits(&value.at, 2);
    day = digits(&value.at, 2);
    hour = digits(&value.at, 2);
    minute = digits(&value.at, 2);
    second = digits(&value.at, 2);
    if (year < general || month < 1 || month > 12 || day < 1 || hour < 0 || hour > 23 || minute < 0 || minute > 59)
        return ZC_E_TIME;
    if (!general)
        year += year < 50 ? 2000 : 1900;
    if (second < 0 || second > 59 || day > days_in(year, month))
        return ZC_E_TIME;
    *seconds = day_number(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    return ZC_OK;
}

/* A serial number: not negative, at most SERIAL bytes (RFC 5280, 4.1.2.2) beside the sign; right-aligned into the record. */
static zc_status take_serial(span *from, uint8_t *record)
{
    span value;
    zc_status status = take(from, INTEGER, &value);

    if (status != ZC_OK)
        return status;
    if (left(value) == 0)
        return ZC_E_TRUNCATED;
    if (value.at[0] & 0x80)
        return ZC_E_SERIAL;
    if (left(value) > 1 && value.at[0] == 0) {
        if (!(value.at[1] & 0x80))
            return ZC_E_NOT_MINIMAL;
        value.at++;
    }
    if (left(value) > SERIAL)
        return ZC_E_SERIAL;
    memcpy(record + SERIAL - left(value), value.at, left(value));
    return ZC_OK;
}

static zc_status read_reason(span value, uint8_t *reason)
{
    span code;
    zc_status status = take(&value, ENUMERATED, &code);

    if (status != ZC_OK)
        return status;
    if (left(value) != 0 || left(code) != 1)
        return ZC_E_REASON;
    *reason = code.at[0];
    return *reason > REASON_MAX || *reason == UNUSED || *reason == REMOVE ? ZC_E_REASON : ZC_OK;
}

/* One extension of an entry: id-ce-cRLReasons is read, id-ce-invalidityDate passed over; a critical other one refused. */
static zc_status take_entry_extension(span *from, uint8_t *reason, int *have_reason)
{
    static const uint8_t arc[] = {0x55, 0x1D}; /* id-ce: 2.5.29 */
    span extension, oid, flag = {NULL, NULL}, value;
    zc_status status = take(from, SEQUENCE, &extension);
    int standard;

    if (status == ZC_OK)
        status = take(&extension, OID, &oid);
    if (status == ZC_OK && next_is(extension, BOOLEAN)) {
        status = take(&extension, BOOLEAN, &flag);
        if (status == ZC_OK && (left(flag) != 1 || flag.at[0] != 0xFF)) /* DER: FALSE is left out, TRUE is FF */
            return ZC_E_NOT_MINIMAL;
    }
    if (status == ZC_OK)
        status = take(&extension, OCTET_STRING, &value);
    if (status != ZC_OK)
        return status;
    if (left(extension) != 0)
        return ZC_E_TRAILING;
    standard = left(oid) == 3 && memcmp(oid.at, arc, sizeof arc) == 0;
    if (standard && oid.at[2] == 21) {
        if ((*have_reason)++)
            return ZC_E_REASON;
        return read_reason(value, reason);
    }
    if (standard && oid.at[2] == 24)
        return ZC_OK;
    return flag.at != NULL ? ZC_E_CRITICAL : ZC_OK;
}

static zc_status take_entry(span *from, uint8_t *record)
{
    span entry, extensions;
    int64_t since = 0;
    int have_reason = 0;
    zc_status status = take(from, SEQUENCE, &entry);

    memset(record, 0, RECORD);
    if (status == ZC_OK)
        status = take_serial(&entry, record);
    if (status == ZC_OK)
        status = take_time(&entry, &since);
    if (status != ZC_OK)
        return status;
    store64(record + SINCE, (uint64_t)since);
    if (left(entry) == 0)
        return ZC_OK;
    status = take(&entry, SEQUENCE, &extensions);
    if (status == ZC_OK && (left(extensions) == 0 || left(entry) != 0))
        return ZC_E_TRAILING;
    while (status == ZC_OK && left(extensions) > 0)
        status = take_entry_extension(&extensions, &record[REASON], &have_reason);
    return status;
}

/* ---- the order of the records -------------------------------------------------------------------------------------- */

/* Spreads serials over the buckets; in none but speed does anything depend on how well. */
static uint64_t spread(const uint8_t *serial)
{
    uint64_t h = load64(serial) * UINT64_C(0x9E3779B97F4A7C15);

    h = (h ^ h >> 32 ^ load64(serial + 8)) * UINT64_C(0xD6E8FEB86659FD93);
    h = (h ^ h >> 32 ^ load32(serial + 16)) * UINT64_C(0x9E3779B97F4A7C15);
    return h ^ h >> 32;
}

static uint32_t bucket_of(const uint8_t *serial, uint32_t bits)
{
    return (uint32_t)(spread(serial) & ((UINT64_C(1) << bits) - 1));
}

static uint32_t bits_for(uint32_t count)
{
    uint32_t bits = 0;

    while (bits < BITS_MAX && UINT32_C(1) << bits < count)
        bits++;
    return bits;
}

/* Serials in order; of entries for one serial the one for good comes first, then the earliest. */
static int compare(const uint8_t *a, const uint8_t *b)
{
    int order = memcmp(a, b, SERIAL);
    int hold = (a[REASON] == HOLD) - (b[REASON] == HOLD);
    int64_t since_a = (int64_t)load64(a + SINCE), since_b = (int64_t)load64(b + SINCE);

    if (order != 0 || hold != 0)
        return order != 0 ? order : hold;
    if (since_a != since_b)
        return since_a < since_b ? -1 : 1;
    return (a[REASON] > b[REASON]) - (a[REASON] < b[REASON]);
}

static void swap(uint8_t *a, uint8_t *b)
{
    uint8_t c[RECORD];

    memcpy(c, a, RECORD);
    memcpy(a, b, RECORD);
    memcpy(b, c, RECORD);
}

static void sift(uint8_t *records, size_t root, size_t count)
{
    for (;;) {
        size_t child = 2 * root + 1;

        if (child >= count)
            return;
        if (child + 1 < count && compare(records + RECORD * child, records + RECORD * (child + 1)) < 0)
            child++;
        if (compare(records + RECORD * root, records + RECORD * child) >= 0)
            return;
        swap(records + RECORD * root, records + RECORD * child);
        root = child;
    }
}

/* Heap sort: buckets hold one record or two, but whoever chooses the serials must not make it slow. */
static void sort(uint8_t *records, size_t count)
{
    for (size_t i = count / 2; i-- > 0;)
        sift(records, i, count);
    for (size_t i = count; i-- > 1;) {
        swap(records, records + RECORD * i);
        sift(records, 0, i);
    }
}

/* Put each record into its bucket. `starts` gets where the buckets begin (2^bits + 1 numbers); `heads` is room for 2^bits. */
static void distribute(uint8_t *records, uint32_t count, uint32_t bits, uint8_t *starts, uint8_t *heads)
{
    uint32_t buckets = UINT32_C(1) << bits, sum = 0;

    memset(starts, 0, 4 * ((size_t)buckets + 1));
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *size = starts + 4 * (size_t)bucket_of(records + RECORD * (size_t)i, bits);

        store32(size, load32(size) + 1);
    }
    for (uint32_t i = 0; i <= buckets; i++) {
        uint32_t size = load32(starts + 4 * (size_t)i);

        store32(starts + 4 * (size_t)i, sum);
        if (i < buckets)
            store32(heads + 4 * (size_t)i, sum);
        sum += size;
    }
    for (uint32_t i = 0; i < buckets; i++) {
        uint32_t end = load32(starts + 4 * ((size_t)i + 1));

        for (uint32_t at = load32(heads + 4 * (size_t)i); at < end;) {
            uint8_t *record = records + RECORD * (size_t)at;
            uint32_t home = bucket_of(record, bits);
            uint32_t head = load32(heads + 4 * (size_t)home);

            store32(heads + 4 * (size_t)home, head + 1);
            if (home == i)
                at++;
            else
                swap(record, records + RECORD * (size_t)head);
        }
    }
}

/* Sort within the buckets, and keep the first of the entries that share a serial. Returns how many are left. */
static uint32_t settle(uint8_t *records, uint32_t bits, uint8_t *starts)
{
    uint32_t buckets = UINT32_C(1) << bits, kept = 0, from = 0;

    for (uint32_t i = 0; i < buckets; i++) {
        uint32_t end = load32(starts + 4 * ((size_t)i + 1)), first = kept;

        if (end - from > 1)
            sort(records + RECORD * (size_t)from, end - from);
        for (; from < end; from++) {
            uint8_t *record = records + RECORD * (size_t)from, *to = records + RECORD * (size_t)kept;

            if (kept > first && memcmp(record, to - RECORD, SERIAL) == 0)
                continue;
            if (record != to)
                memcpy(to, record, RECORD);
            kept++;
        }
        store32(starts + 4 * ((size_t)i + 1), kept);
    }
    return kept;
}

/* ---- the whole ----------------------------------------------------------------------------------------------------- */

size_t zc_revoked_room(size_t length)
{
    size_t most = length / ENTRY_MIN;

    /* records, and fewer than 2 x 2 x most numbers for the two lists that ordering needs */
    return most > UINT32_MAX / 64 ? 0 : HEADER + most * (RECORD + 16) + 16;
}

/* Find revokedCertificates in the CRL (RFC 5280, 5.1); empty if there is none. */
static zc_status find_entries(span crl, span *entries)
{
    span list, tbs;
    int64_t ignored;
    zc_status status = take(&crl, SEQUENCE, &list);

    if (status == ZC_OK && left(crl) != 0)
        return ZC_E_TRAILING;
    if (status == ZC_OK)
        status = take(&list, SEQUENCE, &tbs);
    if (status == ZC_OK)
        status = skip(&list, SEQUENCE);
    if (status == ZC_OK)
        status = skip(&list, BIT_STRING);
    if (status != ZC_OK || left(list) != 0)
        return status != ZC_OK ? status : ZC_E_TRAILING;
    if (next_is(tbs, INTEGER))
        status = skip(&tbs, INTEGER);
    if (status == ZC_OK)
        status = skip(&tbs, SEQUENCE);
    if (status == ZC_OK)
        status = skip(&tbs, SEQUENCE);
    if (status == ZC_OK)
        status = take_time(&tbs, &ignored);
    if (status == ZC_OK && (next_is(tbs, UTC_TIME) || next_is(tbs, GENERALIZED_TIME)))
        status = take_time(&tbs, &ignored);
    entries->at = entries->end = tbs.at;
    if (status == ZC_OK && next_is(tbs, SEQUENCE))
        status = take(&tbs, SEQUENCE, entries);
    if (status == ZC_OK && next_is(tbs, EXTENSIONS))
        status = skip(&tbs, EXTENSIONS);
    return status != ZC_OK || left(tbs) == 0 ? status : ZC_E_TRAILING;
}

zc_status zc_revoked_build(const uint8_t *crl, size_t length, uint8_t *out, size_t capacity, size_t *index_length)
{
    span entries, whole = {crl, crl + length};
    uint8_t *records = out + HEADER, *starts;
    uint32_t count = 0, bits;
    zc_status status = find_entries(whole, &entries);

    *index_length = 0;
    if (status != ZC_OK)
        return status;
    if (zc_revoked_room(length) == 0)
        return ZC_E_RANGE;
    if (capacity < zc_revoked_room(length))
        return ZC_E_CAPACITY;
    while (left(entries) > 0) {
        status = take_entry(&entries, records + RECORD * (size_t)count);
        if (status != ZC_OK)
            return status;
        count++;
    }
    bits = bits_for(count);
    starts = records + RECORD * (size_t)count;
    distribute(records, count, bits, starts, starts + 4 * ((size_t)(UINT32_C(1) << bits) + 1));
    count = settle(records, bits, starts);
    memmove(records + RECORD * (size_t)count, starts, 4 * ((size_t)(UINT32_C(1) << bits) + 1));
    memset(out, 0, HEADER);
    memcpy(out, magic, sizeof magic);
    store32(out + COUNT, count);
    store32(out + BITS, bits);
    *index_length = HEADER + RECORD * (size_t)count + 4 * ((size_t)(UINT32_C(1) << bits) + 1);
    return ZC_OK;
}

/* The header's numbers, if the length is what they say. */
static zc_status measure(const uint8_t *index, size_t length, uint32_t *count, uint32_t *bits)
{
    size_t numbers;

    if (length < HEADER || memcmp(index, magic, sizeof magic) != 0)
        return ZC_E_INDEX;
    *count = load32(index + COUNT);
    *bits = load32(index + BITS);
    if (*bits > BITS_MAX)
        return ZC_E_INDEX;
    numbers = 4 * ((size_t)(UINT32_C(1) << *bits) + 1);
    if (length - HEADER < numbers || (length - HEADER - numbers) % RECORD != 0)
        return ZC_E_INDEX;
    return (length - HEADER - numbers) / RECORD == *count ? ZC_OK : ZC_E_INDEX;
}

static int record_is_sound(const uint8_t *record)
{
    int64_t since = (int64_t)load64(record + SINCE);
    uint8_t reason = record[REASON];

    if (record[REASON + 1] != 0 || record[REASON + 2] != 0 || record[REASON + 3] != 0)
        return 0;
    if (reason > REASON_MAX || reason == UNUSED || reason == REMOVE)
        return 0;
    return since >= SINCE_MIN && since <= SINCE_MAX;
}

zc_status zc_revoked_check(const uint8_t *index, size_t length)
{
    uint32_t count, bits, from = 0;
    const uint8_t *records = index + HEADER, *starts;

    if (measure(index, length, &count, &bits) != ZC_OK)
        return ZC_E_INDEX;
    for (size_t i = BITS + 4; i < HEADER; i++)
        if (index[i] != 0)
            return ZC_E_INDEX;
    starts = records + RECORD * (size_t)count;
    if (load32(starts) != 0)
        return ZC_E_INDEX;
    for (uint32_t i = 0; i < UINT32_C(1) << bits; i++) {
        uint32_t end = load32(starts + 4 * ((size_t)i + 1)), first = from;

        if (end < from || end > count)
            return ZC_E_INDEX;
        for (; from < end; from++) {
            const uint8_t *record = records + RECORD * (size_t)from;

            if (!record_is_sound(record) || bucket_of(record, bits) != i)
                return ZC_E_INDEX;
            if (from > first && memcmp(record - RECORD, record, SERIAL) >= 0)
                return ZC_E_INDEX;
        }
    }
    return from == count ? ZC_OK : ZC_E_INDEX;
}

static void read_record(const uint8_t *record, zc_revoked *entry)
{
    memcpy(entry->serial, record, SERIAL);
    entry->reason = record[REASON];
    entry->since = (int64_t)load64(record + SINCE);
}

zc_status zc_revoked_at(const uint8_t *index, size_t length, uint32_t position, zc_revoked *entry)
{
    uint32_t count, bits;

    if (measure(index, length, &count, &bits) != ZC_OK)
        return ZC_E_INDEX;
    if (position >= count)
        return ZC_E_MISSING;
    read_record(index + HEADER + RECORD * (size_t)position, entry);
    return ZC_OK;
}

zc_status zc_revoked_find(const uint8_t *index, size_t length, const uint8_t *serial, size_t serial_length,
                          zc_revoked *entry)
{
    uint8_t wanted[SERIAL] = {0};
    const uint8_t *records = index + HEADER, *bounds;
    uint32_t count, bits, low, high;

    if (measure(index, length, &count, &bits) != ZC_OK)
        return ZC_E_INDEX;
    for (; serial_length > 0 && *serial == 0; serial_length--)
        serial++;
    if (serial_length > SERIAL)
        return ZC_E_MISSING;
    if (serial_length > 0)
        memcpy(wanted + SERIAL - serial_length, serial, serial_length);
    bounds = records + RECORD * (size_t)count + 4 * (size_t)bucket_of(wanted, bits);
    low = load32(bounds);
    high = load32(bounds + 4);
    if (high > count) /* a mapped file may have changed since it was checked: it misleads, but not out of bounds */
        return ZC_E_INDEX;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const uint8_t *record = records + RECORD * (size_t)middle;
        int order = memcmp(wanted, record, SERIAL);

        if (order == 0) {
            read_record(record, entry);
            return ZC_OK;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return ZC_E_MISSING;
}
