/* SPDX-License-Identifier: Apache-2.0
 * DER (X.690, 10) as X.509 uses it, read from the front: no recursion, no allocation. */
#include "der.h"

#include <string.h>

enum { MAX_OID = 63, ARC_OCTETS = 19, ARC_TOP = 3 }; /* an arc of at most 128 bits: 18 octets of seven, and two bits */

size_t zc_left(zc_span s)
{
    return (size_t)(s.end - s.at);
}

int zc_next_is(zc_span s, uint8_t tag)
{
    return s.at < s.end && *s.at == tag;
}

/* Take one object of this tag off the front of `from`; a DER length of at most four bytes. */
zc_status zc_der_take(zc_span *from, uint8_t tag, zc_span *value)
{
    const uint8_t *at = from->at;
    size_t length, bytes;

    if (zc_left(*from) < 2)
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

zc_status zc_der_skip(zc_span *from, uint8_t tag)
{
    zc_span value;

    return zc_der_take(from, tag, &value);
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
zc_status zc_der_time(zc_span *from, int64_t *seconds)
{
    int general = zc_next_is(*from, ZC_GENERALIZED_TIME), year, month, day, hour, minute, second;
    zc_span value;
    zc_status status = zc_der_take(from, general ? ZC_GENERALIZED_TIME : ZC_UTC_TIME, &value);

    if (status != ZC_OK)
        return status;
    if (zc_left(value) != (general ? 15U : 13U) || value.end[-1] != 'Z')
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

zc_status zc_der_flag(zc_span *from, int *flag)
{
    zc_span value;
    zc_status status;

    *flag = zc_next_is(*from, ZC_BOOLEAN);
    if (!*flag)
        return ZC_OK;
    status = zc_der_take(from, ZC_BOOLEAN, &value);
    if (status != ZC_OK)
        return status;
    return zc_left(value) == 1 && value.at[0] == 0xFF ? ZC_OK : ZC_E_NOT_MINIMAL;
}

zc_status zc_der_oid(zc_span *from, zc_span *oid)
{
    zc_status status = zc_der_take(from, ZC_OID, oid);

    return status != ZC_OK ? status : zc_der_check_oid(*oid);
}

zc_status zc_der_check_oid(zc_span oid)
{
    size_t octets = 0;

    if (zc_left(oid) == 0 || zc_left(oid) > MAX_OID)
        return ZC_E_OID;
    for (const uint8_t *at = oid.at; at < oid.end; at++) {
        if (octets == 0 && *at == 0x80) /* a leading zero */
            return ZC_E_OID;
        octets++;
        if (octets == ARC_OCTETS && (at[1 - ARC_OCTETS] & 0x7F) > ARC_TOP)
            return ZC_E_OID;
        if (octets > ARC_OCTETS)
            return ZC_E_OID;
        if (!(*at & 0x80))
            octets = 0;
    }
    return octets == 0 ? ZC_OK : ZC_E_OID;
}

zc_status zc_der_bits(zc_span *from, uint8_t tag, zc_span *bits, unsigned *unused)
{
    zc_status status = zc_der_take(from, tag, bits);

    if (status != ZC_OK)
        return status;
    if (zc_left(*bits) == 0)
        return ZC_E_TRUNCATED;
    *unused = *bits->at++;
    if (*unused > 7 || (zc_left(*bits) == 0 && *unused != 0))
        return ZC_E_VALUE;
    if (zc_left(*bits) > 0 && bits->end[-1] & ((1u << *unused) - 1))
        return ZC_E_NOT_MINIMAL;
    return ZC_OK;
}

zc_status zc_der_unsigned(zc_span *from, uint8_t tag, size_t most, zc_span *number)
{
    zc_status status = zc_der_take(from, tag, number);

    if (status != ZC_OK)
        return status;
    if (zc_left(*number) == 0)
        return ZC_E_TRUNCATED;
    if (number->at[0] & 0x80)
        return ZC_E_VALUE;
    if (zc_left(*number) > 1 && number->at[0] == 0) {
        if (!(number->at[1] & 0x80))
            return ZC_E_NOT_MINIMAL;
        number->at++;
    }
    return zc_left(*number) > most ? ZC_E_RANGE : ZC_OK;
}

zc_status zc_der_serial(zc_span *from, uint8_t serial[ZC_SERIAL])
{
    zc_span value;
    zc_status status = zc_der_unsigned(from, ZC_INTEGER, ZC_SERIAL, &value);

    if (status == ZC_E_VALUE || status == ZC_E_RANGE)
        return ZC_E_SERIAL;
    if (status == ZC_OK)
        memcpy(serial + ZC_SERIAL - zc_left(value), value.at, zc_left(value));
    return status;
}

zc_status zc_der_extension(zc_span *from, zc_span *oid, int *critical, zc_span *value)
{
    zc_span extension;
    zc_status status = zc_der_take(from, ZC_SEQUENCE, &extension);

    if (status == ZC_OK)
        status = zc_der_oid(&extension, oid);
    if (status == ZC_OK)
        status = zc_der_flag(&extension, critical);
    if (status == ZC_OK)
        status = zc_der_take(&extension, ZC_OCTET_STRING, value);
    return status != ZC_OK || zc_left(extension) == 0 ? status : ZC_E_TRAILING;
}
