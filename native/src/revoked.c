/* SPDX-License-Identifier: Apache-2.0
 * The revocation index: read off a CRL in one pass, put in order where it stands. The file's format stands in zc.h. */
#include "crl.h"

#include <string.h>

enum { HEADER = 32, RECORD = 32, SERIAL = 20, REASON = 20, SINCE = 24, COUNT = 8, BITS = 12 };
enum { HOLD = 6, BITS_MAX = 27 };

static const uint8_t magic[8] = "ZCREVOK1";

#define SINCE_MIN INT64_C(-62135596800) /* 0001-01-01T00:00:00Z */
#define SINCE_MAX INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

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

/* For good before on hold before removed (which a delta alone has). */
static int leniency(const uint8_t *record)
{
    return record[REASON] == ZC_CRL_REMOVE ? 2 : record[REASON] == HOLD;
}

/* Serials in order; of entries for one serial the one for good comes first, then the earliest. */
static int compare(const uint8_t *a, const uint8_t *b)
{
    int order = memcmp(a, b, SERIAL);
    int hold = leniency(a) - leniency(b);
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
    size_t most = length / ZC_CRL_ENTRY_MIN;

    /* records, and fewer than 2 x 2 x most numbers for the two lists that ordering needs */
    return most > UINT32_MAX / 64 ? 0 : HEADER + most * (RECORD + 16) + 16;
}

static void write_record(uint8_t *record, const zc_revoked *entry)
{
    memset(record, 0, RECORD);
    memcpy(record, entry->serial, SERIAL);
    record[REASON] = entry->reason;
    store64(record + SINCE, (uint64_t)entry->since);
}

zc_status zc_revoked_build(const uint8_t *crl, size_t length, uint8_t *out, size_t capacity, size_t *index_length)
{
    zc_span entries, whole = {crl, crl + length};
    uint8_t *records = out + HEADER, *starts;
    uint32_t count = 0, bits;
    int delta;
    zc_status status = zc_crl_entries(whole, &entries, &delta);

    *index_length = 0;
    if (status != ZC_OK)
        return status;
    if (zc_revoked_room(length) == 0)
        return ZC_E_RANGE;
    if (capacity < zc_revoked_room(length))
        return ZC_E_CAPACITY;
    while (entries.at < entries.end) {
        zc_revoked entry;

        status = zc_crl_take(&entries, delta, &entry);
        if (status != ZC_OK)
            return status;
        write_record(records + RECORD * (size_t)count++, &entry);
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
    if (reason > ZC_CRL_REASON_MAX || reason == ZC_CRL_UNUSED)
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
