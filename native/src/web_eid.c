/* SPDX-License-Identifier: Apache-2.0
 * The Web eID authentication token: which members of its JSON matter, and where they stand. */
#include "der.h"

#include <string.h>

enum { MEMBERS = 16 };

static int is(const uint8_t *json, zc_slice part, const char *wanted)
{
    return part.length == strlen(wanted) && memcmp(json + part.at, wanted, part.length) == 0;
}

/* The part that a member of this name is; NULL for another. */
static zc_slice *part_of(const uint8_t *json, zc_slice name, zc_web_eid *token)
{
    if (is(json, name, "unverifiedCertificate"))
        return &token->certificate;
    if (is(json, name, "algorithm"))
        return &token->algorithm;
    if (is(json, name, "signature"))
        return &token->signature;
    return is(json, name, "format") ? &token->format : NULL;
}

/* web-eid:1, and a minor version of any length. */
static int is_format(const uint8_t *at, size_t length)
{
    static const char known[] = "web-eid:1";
    size_t head = sizeof known - 1;

    if (length < head || memcmp(at, known, head) != 0)
        return 0;
    if (length == head)
        return 1;
    if (length == head + 1 || at[head] != '.')
        return 0;
    for (size_t i = head + 1; i < length; i++)
        if (at[i] < '0' || at[i] > '9')
            return 0;
    return 1;
}

static int same_name(const uint8_t *json, zc_slice a, zc_slice b)
{
    return a.length == b.length && memcmp(json + a.at, json + b.at, a.length) == 0;
}

zc_status zc_web_eid_read(const uint8_t *json, size_t length, zc_web_eid *token)
{
    zc_member members[MEMBERS];
    size_t count = 0;
    zc_status status = zc_json_texts(json, length, members, MEMBERS, &count);

    memset(token, 0, sizeof *token);
    for (size_t i = 0; status == ZC_OK && i < count; i++) {
        zc_slice *part = part_of(json, members[i].name, token);

        for (size_t before = 0; before < i; before++)
            if (same_name(json, members[before].name, members[i].name))
                status = ZC_E_REPEATED;
        if (part != NULL)
            *part = members[i].text;
    }
    if (status == ZC_OK && (token->certificate.length == 0 || token->algorithm.length == 0 || token->signature.length == 0))
        status = ZC_E_VALUE;
    if (status == ZC_OK && !is_format(json + token->format.at, token->format.length))
        status = ZC_E_VALUE;
    if (status != ZC_OK)
        memset(token, 0, sizeof *token);
    return status;
}
