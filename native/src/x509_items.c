/* SPDX-License-Identifier: Apache-2.0
 * Lists in a certificate (RFC 5280, 4.1.2.4 and 4.2.1), item by item: no recursion, no allocation. */
#include "x509.h"

#include <string.h>

enum { UTF8 = 0x0C, PRINTABLE = 0x13, TELETEX = 0x14, IA5 = 0x16, BMP = 0x1E };
enum { OTHER_NAME = 0xA0, RFC822 = 0x81, DNS = 0x82, DIRECTORY = 0xA4, URI = 0x86, ADDRESS = 0x87, REGISTERED = 0x88 };
enum { EXPLICIT_0 = 0xA0, FULL_NAME = 0xA0, RELATIVE_NAME = 0xA1, REASONS = 0x81, CRL_ISSUER = 0xA2 };
enum { LONG_TAG = 0x1F };

static int is_oid(zc_span oid, const uint8_t *bytes, size_t length)
{
    return zc_left(oid) == length && memcmp(oid.at, bytes, length) == 0;
}

/* Any one object with a tag of one byte. */
static zc_status take_any(zc_span *from, uint8_t *tag, zc_span *value)
{
    if (zc_left(*from) == 0)
        return ZC_E_TRUNCATED;
    *tag = *from->at;
    if (*tag == 0 || (*tag & LONG_TAG) == LONG_TAG)
        return ZC_E_TAG;
    return zc_der_take(from, *tag, value);
}

/* ---- text ---------------------------------------------------------------------------------------------------------- */

static int is_ascii(zc_span text)
{
    for (; text.at < text.end; text.at++)
        if (*text.at == 0 || *text.at > 0x7F)
            return 0;
    return 1;
}

/* X.680, table 10 */
static int is_printable(zc_span text)
{
    for (; text.at < text.end; text.at++) {
        uint8_t c = *text.at, letter = c | 0x20;

        if (!((letter >= 'a' && letter <= 'z') || (c >= '0' && c <= '9') || (c != 0 && strchr(" '()+,-./:=?", c) != NULL)))
            return 0;
    }
    return 1;
}

/* One character of UTF-8 (RFC 3629); its length, 0 if it is none. */
static size_t utf8_character(zc_span text)
{
    uint8_t first = *text.at, low = 0x80, high = 0xBF;
    size_t length = first < 0x80 ? 1 : first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;

    if (first == 0 || length == 0 || zc_left(text) < length)
        return 0;
    if (first == 0xE0)
        low = 0xA0;
    else if (first == 0xED)
        high = 0x9F;
    else if (first == 0xF0)
        low = 0x90;
    else if (first == 0xF4)
        high = 0x8F;
    for (size_t i = 1; i < length; i++) {
        if (text.at[i] < low || text.at[i] > high)
            return 0;
        low = 0x80;
        high = 0xBF;
    }
    return length;
}

static int is_utf8(zc_span text)
{
    size_t length;

    for (; text.at < text.end; text.at += length) {
        length = utf8_character(text);
        if (length == 0)
            return 0;
    }
    return 1;
}

static int is_bmp(zc_span text)
{
    if (zc_left(text) % 2 != 0)
        return 0;
    for (; text.at < text.end; text.at += 2)
        if ((text.at[0] & 0xF8) == 0xD8 || (text.at[0] == 0 && text.at[1] == 0))
            return 0;
    return 1;
}

static int is_text(uint8_t tag, zc_span value)
{
    switch (tag) {
    case UTF8: return is_utf8(value);
    case PRINTABLE: return is_printable(value);
    case TELETEX: /* whatever else it may hold, nobody agrees on */
    case IA5: return is_ascii(value);
    case BMP: return is_bmp(value);
    default: return 0;
    }
}

/* ---- names --------------------------------------------------------------------------------------------------------- */

static zc_status take_attribute(zc_span *from, zc_x509_item *item)
{
    static const uint8_t unique_identifier[] = {0x55, 0x04, 0x2D};
    zc_span attribute, bits;
    unsigned unused;
    zc_status status = zc_der_take(from, ZC_SEQUENCE, &attribute);

    if (status == ZC_OK)
        status = zc_der_oid(&attribute, &item->type);
    if (status != ZC_OK)
        return status;
    bits = attribute;
    status = take_any(&attribute, &item->tag, &item->value);
    if (status != ZC_OK)
        return status;
    if (zc_left(attribute) != 0)
        return ZC_E_TRAILING;
    if (item->tag == ZC_BIT_STRING && is_oid(item->type, unique_identifier, sizeof unique_identifier))
        return zc_der_bits(&bits, ZC_BIT_STRING, &item->value, &unused);
    return is_text(item->tag, item->value) ? ZC_OK : ZC_E_TEXT;
}

/* Walking steps over the frame of each relative name, which was checked before. */
static zc_status take_name_attribute(zc_span *from, zc_x509_item *item)
{
    zc_span after = *from, set;

    if (zc_next_is(*from, ZC_SET)) {
        zc_status status = zc_der_take(&after, ZC_SET, &set);

        if (status != ZC_OK)
            return status;
        from->at = set.at;
    }
    return take_attribute(from, item);
}

/* X.690, 11.6: a prefix comes first; no object is another's prefix. */
static int compare(zc_span a, zc_span b)
{
    size_t common = zc_left(a) < zc_left(b) ? zc_left(a) : zc_left(b);
    int order = memcmp(a.at, b.at, common);

    return order != 0 ? order : (zc_left(a) > zc_left(b)) - (zc_left(a) < zc_left(b));
}

/* The contents of a RelativeDistinguishedName. */
static zc_status check_relative(zc_span set)
{
    zc_span before = {NULL, NULL};
    zc_x509_item item;

    if (zc_left(set) == 0)
        return ZC_E_TRUNCATED;
    while (zc_left(set) > 0) {
        zc_span whole = set;
        zc_status status = take_attribute(&set, &item);

        if (status != ZC_OK)
            return status;
        whole.end = set.at;
        if (before.at != NULL) {
            int order = compare(before, whole);

            if (order >= 0)
                return order == 0 ? ZC_E_REPEATED : ZC_E_ORDER;
        }
        before = whole;
    }
    return ZC_OK;
}

zc_status zc_x509_name(zc_span *from)
{
    zc_span name, set;
    zc_status status = zc_der_take(from, ZC_SEQUENCE, &name);

    while (status == ZC_OK && zc_left(name) > 0) {
        status = zc_der_take(&name, ZC_SET, &set);
        if (status == ZC_OK)
            status = check_relative(set);
    }
    return status;
}

static zc_status read_other_name(zc_x509_item *item)
{
    zc_span fields = item->value, inside;
    uint8_t tag;
    zc_status status = zc_der_oid(&fields, &item->type);

    if (status == ZC_OK)
        status = zc_der_take(&fields, EXPLICIT_0, &item->value);
    if (status == ZC_OK && zc_left(fields) != 0)
        status = ZC_E_TRAILING;
    if (status != ZC_OK)
        return status;
    inside = item->value;
    status = take_any(&inside, &tag, &fields);
    return status != ZC_OK || zc_left(inside) == 0 ? status : ZC_E_TRAILING;
}

static zc_status take_general_name(zc_span *from, zc_x509_item *item)
{
    zc_span value;
    zc_status status = take_any(from, &item->tag, &item->value);

    if (status != ZC_OK)
        return status;
    value = item->value;
    switch (item->tag) {
    case OTHER_NAME: return read_other_name(item);
    case RFC822:
    case DNS:
    case URI: return is_ascii(value) ? ZC_OK : ZC_E_TEXT;
    case DIRECTORY: status = zc_x509_name(&value); return status != ZC_OK || zc_left(value) == 0 ? status : ZC_E_TRAILING;
    case ADDRESS: return zc_left(value) == 4 || zc_left(value) == 16 ? ZC_OK : ZC_E_VALUE;
    case REGISTERED: return zc_der_check_oid(value);
    default: return ZC_E_TAG;
    }
}

/* ---- the other lists ----------------------------------------------------------------------------------------------- */

static zc_status take_extension(zc_span *from, zc_x509_item *item)
{
    int critical;
    zc_status status = zc_der_extension(from, &item->type, &critical, &item->value);

    item->tag = (uint8_t)critical;
    return status;
}

/* A CPS pointer is a URI; of what else there may be (a notice to people) only the frame is looked at. */
static zc_status check_qualifiers(zc_span list)
{
    static const uint8_t cps[] = {0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x02, 0x01};
    zc_span qualifier, oid, value;
    uint8_t tag;

    if (zc_left(list) == 0)
        return ZC_E_TRUNCATED;
    while (zc_left(list) > 0) {
        zc_status status = zc_der_take(&list, ZC_SEQUENCE, &qualifier);

        if (status == ZC_OK)
            status = zc_der_oid(&qualifier, &oid);
        if (status == ZC_OK)
            status = take_any(&qualifier, &tag, &value);
        if (status != ZC_OK)
            return status;
        if (zc_left(qualifier) != 0)
            return ZC_E_TRAILING;
        if (is_oid(oid, cps, sizeof cps) && !(tag == IA5 && is_ascii(value)))
            return ZC_E_TEXT;
    }
    return ZC_OK;
}

static zc_status take_policy(zc_span *from, zc_x509_item *item)
{
    zc_span policy, qualifiers;
    zc_status status = zc_der_take(from, ZC_SEQUENCE, &policy);

    if (status == ZC_OK)
        status = zc_der_oid(&policy, &item->type);
    if (status != ZC_OK || zc_left(policy) == 0)
        return status;
    status = zc_der_take(&policy, ZC_SEQUENCE, &qualifiers);
    if (status != ZC_OK || zc_left(policy) != 0)
        return status != ZC_OK ? status : ZC_E_TRAILING;
    return check_qualifiers(qualifiers);
}

/* The contents of a DistributionPointName; `names` are those of a full name. */
static zc_status read_point_name(zc_span choice, zc_span *names)
{
    uint8_t tag;
    zc_span value;
    zc_status status = take_any(&choice, &tag, &value);

    if (status != ZC_OK || zc_left(choice) != 0)
        return status != ZC_OK ? status : ZC_E_TRAILING;
    if (tag == RELATIVE_NAME)
        return check_relative(value);
    if (tag != FULL_NAME)
        return ZC_E_TAG;
    *names = value;
    return zc_x509_check(ZC_WALK_NAMES, value);
}

static zc_status take_point(zc_span *from, zc_x509_item *item)
{
    zc_span point, part;
    unsigned unused;
    int whole = 1;
    zc_status status = zc_der_take(from, ZC_SEQUENCE, &point);

    if (status == ZC_OK && zc_left(point) == 0)
        return ZC_E_TRUNCATED;
    if (status == ZC_OK && zc_next_is(point, EXPLICIT_0)) {
        status = zc_der_take(&point, EXPLICIT_0, &part);
        if (status == ZC_OK)
            status = read_point_name(part, &item->value);
    }
    if (status == ZC_OK && zc_next_is(point, REASONS)) {
        whole = 0;
        status = zc_der_bits(&point, REASONS, &part, &unused);
    }
    if (status == ZC_OK && zc_next_is(point, CRL_ISSUER)) {
        whole = 0;
        status = zc_der_take(&point, CRL_ISSUER, &part);
        if (status == ZC_OK)
            status = zc_x509_check(ZC_WALK_NAMES, part);
    }
    if (!whole)
        memset(&item->value, 0, sizeof item->value);
    return status != ZC_OK || zc_left(point) == 0 ? status : ZC_E_TRAILING;
}

static zc_status take_access(zc_span *from, zc_x509_item *item)
{
    zc_span description, method = {NULL, NULL};
    zc_status status = zc_der_take(from, ZC_SEQUENCE, &description);

    if (status == ZC_OK)
        status = zc_der_oid(&description, &method);
    if (status == ZC_OK)
        status = take_general_name(&description, item);
    item->type = method;
    return status != ZC_OK || zc_left(description) == 0 ? status : ZC_E_TRAILING;
}

zc_status zc_x509_take(uint32_t what, zc_span *from, zc_x509_item *item)
{
    memset(item, 0, sizeof *item);
    switch (what) {
    case ZC_WALK_EXTENSIONS: return take_extension(from, item);
    case ZC_WALK_NAME: return take_name_attribute(from, item);
    case ZC_WALK_PURPOSES: return zc_der_oid(from, &item->type);
    case ZC_WALK_POLICIES: return take_policy(from, item);
    case ZC_WALK_NAMES: return take_general_name(from, item);
    case ZC_WALK_POINTS: return take_point(from, item);
    case ZC_WALK_ACCESS: return take_access(from, item);
    default: return ZC_E_RANGE;
    }
}

zc_status zc_x509_check(uint32_t what, zc_span list)
{
    zc_status status = zc_left(list) > 0 ? ZC_OK : ZC_E_TRUNCATED;
    zc_x509_item item;

    while (status == ZC_OK && zc_left(list) > 0)
        status = zc_x509_take(what, &list, &item);
    return status;
}
