/* SPDX-License-Identifier: Apache-2.0
 * An X.509 v3 certificate (RFC 5280, 4.1), read whole: where its parts are, and what the extensions say that a verifier judges. */
#include "x509.h"

#include <string.h>

enum { VERSION = 0xA0, EXTENSIONS = 0xA3, V3 = 2 };
enum { KEY_IDENTIFIER = 0x80, AUTHORITY_ISSUER = 0xA1, AUTHORITY_SERIAL = 0x82 };
enum { KEY_AGREEMENT = 1 << 4, ONLY = 1 << 7 | 1 << 8 }; /* encipherOnly, decipherOnly */
#define YEAR_2050 INT64_C(2524608000)

/* The reading of one certificate. */
typedef struct {
    const uint8_t *der;
    zc_certificate *certificate;
    const char *field;
} reading;

static zc_span span_of(const uint8_t *der, zc_slice part)
{
    zc_span span = {der + part.at, der + part.at + part.length};

    return span;
}

/* ---- extensions ---------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    uint8_t arc; /* of id-ce, 2.5.29; 0: id-pe-authorityInfoAccess */
} kinds[ZC_EXTENSIONS] = {
    {"subjectKeyIdentifier", 14}, {"keyUsage", 15},          {"subjectAltName", 17},
    {"basicConstraints", 19},     {"nameConstraints", 30},   {"cRLDistributionPoints", 31},
    {"certificatePolicies", 32},  {"authorityKeyIdentifier", 35}, {"extKeyUsage", 37},
    {"authorityInfoAccess", 0},
};

/* Its number; ZC_EXTENSIONS for one that is not read. */
static uint32_t kind_of(zc_span oid)
{
    static const uint8_t access[] = {0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x01}; /* 1.3.6.1.5.5.7.1.1 */
    uint32_t kind = 0;

    if (zc_left(oid) == sizeof access && memcmp(oid.at, access, sizeof access) == 0)
        return ZC_EXTENSION_ACCESS;
    if (zc_left(oid) != 3 || oid.at[0] != 0x55 || oid.at[1] != 0x1D)
        return ZC_EXTENSIONS;
    while (kind < ZC_EXTENSIONS && kinds[kind].arc != oid.at[2])
        kind++;
    return kind;
}

/* A named bit list (X.690, 11.2.2): no zero bits at its end; a certificate sets at least one bit (RFC 5280, 4.2.1.3). */
static zc_status read_key_usage(zc_span *from, zc_certificate *certificate)
{
    zc_span bits;
    unsigned unused;
    uint16_t usage = 0;
    zc_status status = zc_der_bits(from, ZC_BIT_STRING, &bits, &unused);

    if (status != ZC_OK)
        return status;
    if (zc_left(bits) == 0 || zc_left(bits) > 2 || (zc_left(bits) == 2 && unused != 7))
        return ZC_E_VALUE;
    if (!(bits.end[-1] >> unused & 1))
        return ZC_E_NOT_MINIMAL;
    for (unsigned bit = 0; bit < zc_left(bits) * 8 - unused; bit++)
        if (bits.at[bit / 8] >> (7 - bit % 8) & 1)
            usage |= (uint16_t)(1u << bit);
    if (usage & ONLY && !(usage & KEY_AGREEMENT))
        return ZC_E_VALUE;
    certificate->key_usage = usage;
    return ZC_OK;
}

static zc_status read_constraints(zc_span fields, zc_certificate *certificate)
{
    zc_span number;
    int ca;
    zc_status status = zc_der_flag(&fields, &ca);

    certificate->is_ca = (uint8_t)ca;
    if (status != ZC_OK || zc_left(fields) == 0)
        return status;
    status = zc_der_unsigned(&fields, ZC_INTEGER, 2, &number);
    if (status != ZC_OK || zc_left(fields) != 0)
        return status != ZC_OK ? status : ZC_E_TRAILING;
    if (!ca)
        return ZC_E_VALUE;
    certificate->path_length = 0;
    while (zc_left(number) > 0)
        certificate->path_length = certificate->path_length << 8 | *number.at++;
    return ZC_OK;
}

/* Issuer and serial number stand there together or not at all (RFC 5280, 4.2.1.1). */
static zc_status read_authority_key(zc_span fields, zc_span *identifier)
{
    zc_span names, number;
    int issuer;
    zc_status status = ZC_OK;

    memset(identifier, 0, sizeof *identifier);
    if (zc_next_is(fields, KEY_IDENTIFIER))
        status = zc_der_take(&fields, KEY_IDENTIFIER, identifier);
    issuer = zc_next_is(fields, AUTHORITY_ISSUER);
    if (status == ZC_OK && issuer)
        status = zc_der_take(&fields, AUTHORITY_ISSUER, &names);
    if (status == ZC_OK && issuer)
        status = zc_x509_check(ZC_WALK_NAMES, names);
    if (status == ZC_OK && issuer != zc_next_is(fields, AUTHORITY_SERIAL))
        return ZC_E_VALUE;
    if (status == ZC_OK && issuer)
        status = zc_der_unsigned(&fields, AUTHORITY_SERIAL, ZC_SERIAL, &number);
    return status != ZC_OK || zc_left(fields) == 0 ? status : ZC_E_TRAILING;
}

static zc_status check_policies(zc_span list)
{
    zc_span seen[ZC_CERTIFICATE_ITEMS];
    size_t count = 0;
    zc_x509_item item;

    if (zc_left(list) == 0)
        return ZC_E_TRUNCATED;
    while (zc_left(list) > 0) {
        zc_status status = zc_x509_take(ZC_WALK_POLICIES, &list, &item);

        if (status != ZC_OK)
            return status;
        for (size_t i = 0; i < count; i++)
            if (zc_x509_same(seen[i], item.type))
                return ZC_E_REPEATED;
        if (count == ZC_CERTIFICATE_ITEMS)
            return ZC_E_CAPACITY;
        seen[count++] = item.type;
    }
    return ZC_OK;
}

static zc_status read_sequence(uint32_t kind, zc_span fields, zc_span *value, zc_certificate *certificate)
{
    switch (kind) {
    case ZC_EXTENSION_CONSTRAINTS: return read_constraints(fields, certificate);
    case ZC_EXTENSION_AUTHORITY_KEY: return read_authority_key(fields, value);
    case ZC_EXTENSION_POLICIES: return check_policies(fields);
    case ZC_EXTENSION_NAMES: return zc_x509_check(ZC_WALK_NAMES, fields);
    case ZC_EXTENSION_CRL_POINTS: return zc_x509_check(ZC_WALK_POINTS, fields);
    case ZC_EXTENSION_PURPOSES: return zc_x509_check(ZC_WALK_PURPOSES, fields);
    case ZC_EXTENSION_ACCESS: return zc_x509_check(ZC_WALK_ACCESS, fields);
    default: return zc_left(fields) > 0 ? ZC_OK : ZC_E_TRUNCATED;
    }
}

static zc_status read_extension(reading *r, uint32_t kind, zc_span value)
{
    zc_span rest = value, fields;
    zc_status status;

    r->field = kinds[kind].name;
    if (kind == ZC_EXTENSION_SUBJECT_KEY) {
        status = zc_der_take(&rest, ZC_OCTET_STRING, &value);
        if (status == ZC_OK && zc_left(value) == 0)
            return ZC_E_TRUNCATED;
    } else if (kind == ZC_EXTENSION_KEY_USAGE) {
        status = read_key_usage(&rest, r->certificate);
    } else {
        status = zc_der_take(&rest, ZC_SEQUENCE, &fields);
        if (status == ZC_OK)
            status = read_sequence(kind, fields, &value, r->certificate);
    }
    if (status != ZC_OK || zc_left(rest) != 0)
        return status != ZC_OK ? status : ZC_E_TRAILING;
    r->certificate->value[kind] = zc_x509_part(r->der, value);
    return ZC_OK;
}

static zc_status read_extensions(reading *r, zc_span list)
{
    zc_span seen[ZC_CERTIFICATE_ITEMS];
    size_t count = 0;
    zc_x509_item item;
    zc_status status = ZC_OK;

    r->certificate->extensions = zc_x509_part(r->der, list);
    if (zc_left(list) == 0)
        return ZC_E_TRUNCATED;
    while (status == ZC_OK && zc_left(list) > 0) {
        uint32_t kind;

        r->field = "extensions";
        status = zc_x509_take(ZC_WALK_EXTENSIONS, &list, &item);
        if (status != ZC_OK)
            return status;
        for (size_t i = 0; i < count; i++)
            if (zc_x509_same(seen[i], item.type))
                return ZC_E_REPEATED;
        if (count == ZC_CERTIFICATE_ITEMS)
            return ZC_E_CAPACITY;
        seen[count++] = item.type;
        kind = kind_of(item.type);
        if (kind == ZC_EXTENSIONS) {
            r->certificate->unknown_critical += item.tag;
            continue;
        }
        r->certificate->present |= 1u << kind;
        r->certificate->critical |= (uint32_t)item.tag << kind;
        status = read_extension(r, kind, item.value);
    }
    return status;
}

/* ---- the frame ----------------------------------------------------------------------------------------------------- */

static zc_status read_version(zc_span *tbs)
{
    zc_span explicit, number;
    zc_status status;

    if (!zc_next_is(*tbs, VERSION)) /* version 1 */
        return ZC_E_VALUE;
    status = zc_der_take(tbs, VERSION, &explicit);
    if (status == ZC_OK)
        status = zc_der_unsigned(&explicit, ZC_INTEGER, 1, &number);
    if (status != ZC_OK || zc_left(explicit) != 0)
        return status != ZC_OK ? status : ZC_E_TRAILING;
    return *number.at == V3 ? ZC_OK : ZC_E_VALUE;
}

static zc_status read_algorithm(reading *r, zc_span *from, zc_span *whole)
{
    zc_span algorithm, oid, ignored;
    zc_status status;

    *whole = *from;
    status = zc_der_take(from, ZC_SEQUENCE, &algorithm);
    whole->end = from->at;
    if (status == ZC_OK)
        status = zc_der_oid(&algorithm, &oid);
    if (status != ZC_OK)
        return status;
    r->certificate->algorithm = zc_x509_part(r->der, oid);
    r->certificate->signed_by = zc_x509_signed_by(oid, algorithm);
    status = zc_x509_parameters(oid, algorithm);
    if (status == ZC_OK && zc_left(algorithm) > 0)
        status = zc_der_take(&algorithm, *algorithm.at, &ignored);
    return status != ZC_OK || zc_left(algorithm) == 0 ? status : ZC_E_TRAILING;
}

static zc_status read_name(reading *r, zc_span *from, zc_slice *part)
{
    zc_span whole = *from;
    zc_status status = zc_x509_name(from);

    whole.end = from->at;
    *part = zc_x509_part(r->der, whole);
    return status;
}

/* RFC 5280, 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050 on. */
static zc_status read_moment(zc_span *from, int64_t *seconds)
{
    int general = zc_next_is(*from, ZC_GENERALIZED_TIME);
    zc_status status = zc_der_time(from, seconds);

    return status == ZC_OK && general && *seconds < YEAR_2050 ? ZC_E_TIME : status;
}

static zc_status read_validity(reading *r, zc_span *from)
{
    zc_span validity;
    zc_status status = zc_der_take(from, ZC_SEQUENCE, &validity);

    if (status == ZC_OK)
        status = read_moment(&validity, &r->certificate->not_before);
    if (status == ZC_OK)
        status = read_moment(&validity, &r->certificate->not_after);
    return status != ZC_OK || zc_left(validity) == 0 ? status : ZC_E_TRAILING;
}

static zc_status read_tail(reading *r, zc_span tbs)
{
    zc_span explicit, list;
    zc_status status;

    r->field = "extensions";
    if (zc_left(tbs) == 0)
        return ZC_OK;
    status = zc_der_take(&tbs, EXTENSIONS, &explicit);
    if (status == ZC_OK)
        status = zc_der_take(&explicit, ZC_SEQUENCE, &list);
    if (status == ZC_OK && (zc_left(tbs) != 0 || zc_left(explicit) != 0))
        return ZC_E_TRAILING;
    return status != ZC_OK ? status : read_extensions(r, list);
}

/* The contents of tbsCertificate; `algorithm` is the AlgorithmIdentifier in it. */
static zc_status read_tbs(reading *r, zc_span tbs, zc_span *algorithm)
{
    zc_certificate *made = r->certificate;
    zc_status status;

#define STEP(name, call)     \
    do {                     \
        r->field = name;     \
        status = call;       \
        if (status != ZC_OK) \
            return status;   \
    } while (0)
    STEP("version", read_version(&tbs));
    STEP("serialNumber", zc_der_serial(&tbs, made->serial));
    STEP("signature", read_algorithm(r, &tbs, algorithm));
    STEP("issuer", read_name(r, &tbs, &made->issuer));
    STEP("validity", read_validity(r, &tbs));
    STEP("subject", read_name(r, &tbs, &made->subject));
    STEP("subjectPublicKeyInfo", zc_x509_key(r->der, &tbs, made));
#undef STEP
    return read_tail(r, tbs);
}

static zc_status read_signature(reading *r, zc_span *from, zc_span inner)
{
    zc_span algorithm, bits;
    unsigned unused;
    zc_status status;

    r->field = "signatureAlgorithm";
    status = read_algorithm(r, from, &algorithm);
    if (status != ZC_OK)
        return status;
    if (!zc_x509_same(inner, algorithm))
        return ZC_E_VALUE;
    r->field = "signatureValue";
    status = zc_der_bits(from, ZC_BIT_STRING, &bits, &unused);
    if (status != ZC_OK || unused != 0)
        return status != ZC_OK ? status : ZC_E_VALUE;
    r->certificate->signature = zc_x509_part(r->der, bits);
    return zc_left(*from) == 0 ? ZC_OK : ZC_E_TRAILING;
}

static zc_status read_whole(reading *r, zc_span whole)
{
    zc_span fields, tbs, algorithm;
    zc_status status = zc_der_take(&whole, ZC_SEQUENCE, &fields);

    if (status == ZC_OK && zc_left(whole) != 0)
        return ZC_E_TRAILING;
    if (status != ZC_OK)
        return status;
    r->field = "tbsCertificate";
    whole = fields;
    status = zc_der_take(&fields, ZC_SEQUENCE, &tbs);
    if (status != ZC_OK)
        return status;
    whole.end = fields.at;
    r->certificate->tbs = zc_x509_part(r->der, whole);
    status = read_tbs(r, tbs, &algorithm);
    return status != ZC_OK ? status : read_signature(r, &fields, algorithm);
}

zc_status zc_certificate_read(const uint8_t *der, size_t length, zc_certificate *certificate, const char **field)
{
    reading r = {der, certificate, "certificate"};
    zc_span whole = {der, der + length};
    zc_status status = ZC_E_RANGE;

    memset(certificate, 0, sizeof *certificate);
    certificate->path_length = -1;
    if (length <= ZC_CERTIFICATE_MAX)
        status = read_whole(&r, whole);
    if (status != ZC_OK)
        memset(certificate, 0, sizeof *certificate);
    *field = r.field;
    return status;
}

zc_slice zc_certificate_walk(const uint8_t *der, zc_slice part, uint32_t what)
{
    zc_span span = span_of(der, part), contents = span;

    if (part.length == 0 || what == ZC_WALK_EXTENSIONS || (what == ZC_WALK_NAMES && *span.at != ZC_SEQUENCE))
        return part;
    if (zc_der_take(&span, ZC_SEQUENCE, &contents) != ZC_OK)
        contents.end = contents.at;
    return zc_x509_part(der, contents);
}

zc_status zc_certificate_next(const uint8_t *der, uint32_t what, zc_slice *rest, zc_item *item)
{
    zc_span span = span_of(der, *rest);
    zc_x509_item found;

    memset(item, 0, sizeof *item);
    if (zc_left(span) == 0 || zc_x509_take(what, &span, &found) != ZC_OK)
        return ZC_OK;
    *rest = zc_x509_part(der, span);
    item->type = zc_x509_part(der, found.type);
    item->value = zc_x509_part(der, found.value);
    item->tag = found.tag;
    return ZC_MORE;
}
