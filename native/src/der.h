/* SPDX-License-Identifier: Apache-2.0
 * DER (X.690, 10) as X.509 uses it: each function takes one object off the front of `from`, whose contents it gives. */
#ifndef ZC_DER_H
#define ZC_DER_H

#include "zc.h"

enum { ZC_BOOLEAN = 0x01, ZC_INTEGER = 0x02, ZC_BIT_STRING = 0x03, ZC_OCTET_STRING = 0x04, ZC_NULL = 0x05, ZC_OID = 0x06 };
enum { ZC_ENUMERATED = 0x0A, ZC_UTC_TIME = 0x17, ZC_GENERALIZED_TIME = 0x18, ZC_SEQUENCE = 0x30, ZC_SET = 0x31 };
enum { ZC_SERIAL = sizeof(((zc_revoked *)NULL)->serial) };

/* What is left to read. */
typedef struct {
    const uint8_t *at, *end;
} zc_span;

size_t zc_left(zc_span s);
int zc_next_is(zc_span s, uint8_t tag);

/* An object of this tag; a length of at most four bytes, the shortest form. */
zc_status zc_der_take(zc_span *from, uint8_t tag, zc_span *value);
zc_status zc_der_skip(zc_span *from, uint8_t tag);

/* UTCTime or GeneralizedTime (RFC 5280, 4.1.2.5): seconds since 1970. */
zc_status zc_der_time(zc_span *from, int64_t *seconds);

/* A serial number: not negative, at most ZC_SERIAL bytes (RFC 5280, 4.1.2.2) beside the sign; right-aligned in zeros. */
zc_status zc_der_serial(zc_span *from, uint8_t serial[ZC_SERIAL]);

/* A BOOLEAN DEFAULT FALSE: left out, or TRUE. */
zc_status zc_der_flag(zc_span *from, int *flag);

/* An OBJECT IDENTIFIER of at most 63 bytes, whose arcs have at most 128 bits. */
zc_status zc_der_oid(zc_span *from, zc_span *oid);
zc_status zc_der_check_oid(zc_span oid);

/* An Extension (RFC 5280, 4.1.2.9). */
zc_status zc_der_extension(zc_span *from, zc_span *oid, int *critical, zc_span *value);

/* A BIT STRING: its octets without the first, which counts the bits of the last that are not used and are zero. */
zc_status zc_der_bits(zc_span *from, uint8_t tag, zc_span *bits, unsigned *unused);

/* An INTEGER that is not negative, of at most `most` bytes without the sign; big-endian. */
zc_status zc_der_unsigned(zc_span *from, uint8_t tag, size_t most, zc_span *number);

#endif
