/* SPDX-License-Identifier: Apache-2.0
 * The lists in a certificate (RFC 5280, 4): names, general names, policies and so on, item by item. */
#ifndef ZC_X509_H
#define ZC_X509_H

#include "der.h"

#include <string.h>

typedef struct {
    zc_span type, value;
    uint8_t tag;
} zc_x509_item;

/* Take one item of a list of this kind (ZC_WALK_...) off its front, checking all of it but, of ZC_WALK_NAME, the frame. */
zc_status zc_x509_take(uint32_t what, zc_span *from, zc_x509_item *item);

/* Check the contents of a list: at least one item. */
zc_status zc_x509_check(uint32_t what, zc_span list);

/* Take a Name and check it. */
zc_status zc_x509_name(zc_span *from);

/* Check the parameters of an algorithm of those that are known here: NULL, absent, or the SEQUENCE of RSASSA-PSS. */
zc_status zc_x509_parameters(zc_span oid, zc_span parameters);

/* What the algorithm is called, ZC_SIGNED_...; its parameters were checked. */
uint8_t zc_x509_signed_by(zc_span oid, zc_span parameters);

/* Take a SubjectPublicKeyInfo: `spki` and what is known of the key. */
zc_status zc_x509_key(const uint8_t *der, zc_span *from, zc_certificate *certificate);

static inline zc_slice zc_x509_part(const uint8_t *der, zc_span span)
{
    zc_slice part = {0, 0};

    if (span.at != NULL) {
        part.at = (uint32_t)(span.at - der);
        part.length = (uint32_t)(span.end - span.at);
    }
    return part;
}

static inline int zc_x509_same(zc_span a, zc_span b)
{
    return zc_left(a) == zc_left(b) && memcmp(a.at, b.at, zc_left(a)) == 0;
}

#endif
