/* SPDX-License-Identifier: Apache-2.0
 * A CRL as DER (RFC 5280, 5.1), read entry by entry. */
#ifndef ZC_CRL_H
#define ZC_CRL_H

#include "der.h"

enum { ZC_CRL_ENTRY_MIN = 20 }; /* SEQUENCE, an INTEGER of one byte, a UTCTime: no entry is shorter */
enum { ZC_CRL_UNUSED = 7, ZC_CRL_REMOVE = 8, ZC_CRL_REASON_MAX = 10 }; /* reasons: 7 is none, 8 is for delta CRLs alone */

/* Find revokedCertificates in a whole CRL; empty if there is none. `delta`: whether it has a deltaCRLIndicator (5.2.4). */
zc_status zc_crl_entries(zc_span crl, zc_span *entries, int *delta);

/* Take the first of the entries; removeFromCRL is taken from a delta only (5.3.1). */
zc_status zc_crl_take(zc_span *entries, int delta, zc_revoked *entry);

#endif
