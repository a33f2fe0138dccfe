/* SPDX-License-Identifier: Apache-2.0
 * A CRL as DER (RFC 5280, 5.1): its frame, and one entry after another. */
#include "crl.h"

#include <string.h>

enum { INTEGER = 0x02, BIT_STRING = 0x03, OCTET_STRING = 0x04, OID = 0x06, ENUMERATED = 0x0A, BOOLEAN = 0x01 };
enum { UTC_TIME = 0x17, GENERALIZED_TIME = 0x18, SEQUENCE = 0x30, EXTENSIONS = 0xA0 };
enum { SERIAL = sizeof(((zc_revoked *)NULL)->serial) };

static size_t left(zc_span s)
{
    return (size_t)(s.end - s.at);
}

static int next_is(zc_span s, uint8_t tag)
{
    return s.at < s.end && *s.at == tag;
}

/* Take one object of this tag off the front of `from`; a DER length of at most four bytes. */
static zc_status take(zc_span *from, uint8_t tag, zc_span *value)
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

static zc_status skip(zc_span *from, uint8_t tag)
{
    zc_span value;

    return take(from, tag, &value);
}

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
static zc_status take_time(zc_span *from, int64_t *seconds)
{
    int general = next_is(*from, GENERALIZED_TIME), year, month, day, hour, minute, second;
    zc_span value;
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

/* A serial number: not negative, at most SERIAL bytes (RFC 5280, 4.1.2.2) beside the sign; right-aligned. */
static zc_status take_serial(zc_span *from, uint8_t serial[SERIAL])
{
    zc_span value;
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
    memcpy(serial + SERIAL - left(value), value.at, left(value));
    return ZC_OK;
}

static zc_status read_reason(zc_span value, int delta, uint8_t *reason)
{
    zc_span code;
    zc_status status = take(&value, ENUMERATED, &code);

    if (status != ZC_OK)
        return status;
    if (left(value) != 0 || left(code) != 1)
        return ZC_E_REASON;
    *reason = code.at[0];
    if (*reason == ZC_CRL_REMOVE)
        return delta ? ZC_OK : ZC_E_REASON;
    return *reason > ZC_CRL_REASON_MAX || *reason == ZC_CRL_UNUSED ? ZC_E_REASON : ZC_OK;
}

static const uint8_t id_ce[] = {0x55, 0x1D}; /* 2.5.29 */
enum { DELTA_CRL_INDICATOR = 27 };

static int is_standard(zc_span oid)
{
    return left(oid) == 3 && memcmp(oid.at, id_ce, sizeof id_ce) == 0;
}

/* One extension of an entry: id-ce-cRLReasons is read, id-ce-invalidityDate passed over; a critical other one refused. */
static zc_status take_entry_extension(zc_span *from, int delta, uint8_t *reason, int *have_reason)
{
    zc_span extension, oid, flag = {NULL, NULL}, value;
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
    standard = is_standard(oid);
    if (standard && oid.at[2] == 21) {
        if ((*have_reason)++)
            return ZC_E_REASON;
        return read_reason(value, delta, reason);
    }
    if (standard && oid.at[2] == 24)
        return ZC_OK;
    return flag.at != NULL ? ZC_E_CRITICAL : ZC_OK;
}

zc_status zc_crl_take(zc_span *entries, int delta, zc_revoked *entry)
{
    zc_span fields, extensions;
    int have_reason = 0;
    zc_status status = take(entries, SEQUENCE, &fields);

    memset(entry, 0, sizeof *entry);
    if (status == ZC_OK)
        status = take_serial(&fields, entry->serial);
    if (status == ZC_OK)
        status = take_time(&fields, &entry->since);
    if (status != ZC_OK || left(fields) == 0)
        return status;
    status = take(&fields, SEQUENCE, &extensions);
    if (status == ZC_OK && (left(extensions) == 0 || left(fields) != 0))
        return ZC_E_TRAILING;
    while (status == ZC_OK && left(extensions) > 0)
        status = take_entry_extension(&extensions, delta, &entry->reason, &have_reason);
    return status;
}

/* Among crlExtensions: [0] { SEQUENCE OF Extension }. What the others say is left to whoever verifies the list. */
static zc_status find_delta_indicator(zc_span *from, int *delta)
{
    zc_span wrapper, extensions, extension, oid;
    zc_status status = take(from, EXTENSIONS, &wrapper);

    if (status != ZC_OK || left(wrapper) == 0)
        return status;
    status = take(&wrapper, SEQUENCE, &extensions);
    if (status == ZC_OK && left(wrapper) != 0)
        return ZC_E_TRAILING;
    while (status == ZC_OK && left(extensions) > 0) {
        status = take(&extensions, SEQUENCE, &extension);
        if (status == ZC_OK)
            status = take(&extension, OID, &oid);
        if (status == ZC_OK && is_standard(oid) && oid.at[2] == DELTA_CRL_INDICATOR)
            *delta = 1;
    }
    return status;
}

zc_status zc_crl_entries(zc_span crl, zc_span *entries, int *delta)
{
    zc_span list, tbs;
    int64_t ignored;
    zc_status status = take(&crl, SEQUENCE, &list);

    *delta = 0;
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
        status = find_delta_indicator(&tbs, delta);
    return status != ZC_OK || left(tbs) == 0 ? status : ZC_E_TRAILING;
}
