/* SPDX-License-Identifier: Apache-2.0
 * JSON (RFC 8259), but only the plainest of objects: texts under names, ASCII, nothing escaped. */
#include "der.h"

#include <string.h>

static void skip_space(zc_span *from)
{
    while (zc_left(*from) > 0 && (*from->at == ' ' || *from->at == '\t' || *from->at == '\n' || *from->at == '\r'))
        from->at++;
}

/* Step over white space, and over `wanted` if it comes next. */
static int take(zc_span *from, uint8_t wanted)
{
    skip_space(from);
    if (zc_left(*from) == 0 || *from->at != wanted)
        return 0;
    from->at++;
    return 1;
}

/* What stands between two quotes; a text with a control character, an escape or a byte over 7F is not plain. */
static int take_text(const uint8_t *json, zc_span *from, zc_slice *text)
{
    const uint8_t *start, *end = NULL;
    unsigned strange = 0;

    if (!take(from, '"'))
        return 0;
    start = from->at;
    if (zc_left(*from) > 0)
        end = memchr(start, '"', zc_left(*from));
    if (end == NULL)
        return 0;
    for (const uint8_t *at = start; at < end; at++) /* without a branch, which compilers turn into vectors */
        strange |= (unsigned)(*at < 0x20) | (unsigned)(*at == '\\') | (unsigned)(*at > 0x7F);
    from->at = end + 1;
    text->at = (uint32_t)(start - json);
    text->length = (uint32_t)(end - start);
    return !strange;
}

zc_status zc_json_texts(const uint8_t *json, size_t length, zc_member *members, size_t capacity, size_t *count)
{
    zc_span rest = {json, json + length};
    size_t found = 0;
    int more;

    *count = 0;
    if (length > ZC_JSON_MAX)
        return ZC_E_RANGE;
    if (!take(&rest, '{'))
        return ZC_E_TEXT;
    for (more = !take(&rest, '}'); more; more = take(&rest, ',')) {
        if (found == capacity)
            return ZC_E_CAPACITY;
        if (!take_text(json, &rest, &members[found].name) || !take(&rest, ':') || !take_text(json, &rest, &members[found].text))
            return ZC_E_TEXT;
        found++;
    }
    if (found > 0 && !take(&rest, '}'))
        return ZC_E_TEXT;
    skip_space(&rest);
    if (zc_left(rest) > 0)
        return ZC_E_TRAILING;
    *count = found;
    return ZC_OK;
}
