/* SPDX-License-Identifier: Apache-2.0
 * A CRL as DER (RFC 5280, 5.1): its frame, and one entry after another. */
#include "crl.h"

#include <string.h>

enum { EXTENSIONS = 0xA0 };

static zc_status read_reason(zc_span value, int delta, uint8_t *reason)
{
    zc_span code;
    zc_status status = zc_der_take(&value, ZC_ENUMERATED, &code);

    if (status != ZC_OK)
        return status;
    if (zc_left(value) != 0 || zc_left(code) != 1)
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
    return zc_left(oid) == 3 && memcmp(oid.at, id_ce, sizeof id_ce) == 0;
}

/* One extension of an entry: id-ce-cRLReasons is read, id-ce-invalidityDate passed over; a critical other one refused. */
static zc_status take_entry_extension(zc_span *from, int delta, uint8_t *reason, int *have_reason)
{
    zc_span oid, value;
    int standard, critical;
    zc_status status = zc_der_extension(from, &oid, &critical, &value);

    if (status != ZC_OK)
        return status;
    standard = is_standard(oid);
    if (standard && oid.at[2] == 21) {
        if ((*have_reason)++)
            return ZC_E_REASON;
        return read_reason(value, delta, reason);
    }
    if (standard && oid.at[2] == 24)
        return ZC_OK;
    return critical ? ZC_E_CRITICAL : ZC_OK;
}

zc_status zc_crl_take(zc_span *entries, int delta, zc_revoked *entry)
{
    zc_span fields, extensions;
    int have_reason = 0;
    zc_status status = zc_der_take(entries, ZC_SEQUENCE, &fields);

    memset(entry, 0, sizeof *entry);
    if (status == ZC_OK)
        status = zc_der_serial(&fields, entry->serial);
    if (status == ZC_OK)
        status = zc_der_time(&fields, &entry->since);
    if (status != ZC_OK || zc_left(fields) == 0)
        return status;
    status = zc_der_take(&fields, ZC_SEQUENCE, &extensions);
    if (status == ZC_OK && (zc_left(extensions) == 0 || zc_left(fields) != 0))
        return ZC_E_TRAILING;
    while (status == ZC_OK && zc_left(extensions) > 0)
        status = take_entry_extension(&extensions, delta, &entry->reason, &have_reason);
    return status;
}

/* Among crlExtensions: [0] { ZC_SEQUENCE OF Extension }. What the others say is left to whoever verifies the list. */
static zc_status find_delta_indicator(zc_span *from, int *delta)
{
    zc_span wrapper, extensions, extension, oid;
    zc_status status = zc_der_take(from, EXTENSIONS, &wrapper);

    if (status != ZC_OK || zc_left(wrapper) == 0)
        return status;
    status = zc_der_take(&wrapper, ZC_SEQUENCE, &extensions);
    if (status == ZC_OK && zc_left(wrapper) != 0)
        return ZC_E_TRAILING;
    while (status == ZC_OK && zc_left(extensions) > 0) {
        status = zc_der_take(&extensions, ZC_SEQUENCE, &extension);
        if (status == ZC_OK)
            status = zc_der_take(&extension, ZC_OID, &oid);
        if (status == ZC_OK && is_standard(oid) && oid.at[2] == DELTA_CRL_INDICATOR)
            *delta = 1;
    }
    return status;
}

zc_status zc_crl_entries(zc_span crl, zc_span *entries, int *delta)
{
    zc_span list, tbs;
    int64_t ignored;
    zc_status status = zc_der_take(&crl, ZC_SEQUENCE, &list);

    *delta = 0;
    if (status == ZC_OK && zc_left(crl) != 0)
        return ZC_E_TRAILING;
    if (status == ZC_OK)
        status = zc_der_take(&list, ZC_SEQUENCE, &tbs);
    if (status == ZC_OK)
        status = zc_der_skip(&list, ZC_SEQUENCE);
    if (status == ZC_OK)
        status = zc_der_skip(&list, ZC_BIT_STRING);
    if (status != ZC_OK || zc_left(list) != 0)
        return status != ZC_OK ? status : ZC_E_TRAILING;
    if (zc_next_is(tbs, ZC_INTEGER))
        status = zc_der_skip(&tbs, ZC_INTEGER);
    if (status == ZC_OK)
        status = zc_der_skip(&tbs, ZC_SEQUENCE);
    if (status == ZC_OK)
        status = zc_der_skip(&tbs, ZC_SEQUENCE);
    if (status == ZC_OK)
        status = zc_der_time(&tbs, &ignored);
    if (status == ZC_OK && (zc_next_is(tbs, ZC_UTC_TIME) || zc_next_is(tbs, ZC_GENERALIZED_TIME)))
        status = zc_der_time(&tbs, &ignored);
    entries->at = entries->end = tbs.at;
    if (status == ZC_OK && zc_next_is(tbs, ZC_SEQUENCE))
        status = zc_der_take(&tbs, ZC_SEQUENCE, entries);
    if (status == ZC_OK && zc_next_is(tbs, EXTENSIONS))
        status = find_delta_indicator(&tbs, delta);
    return status != ZC_OK || zc_left(tbs) == 0 ? status : ZC_E_TRAILING;
}
