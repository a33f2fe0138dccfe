/* SPDX-License-Identifier: Apache-2.0
 * The otherName 2.5.5.5 of a UZI certificate (CIBG, Certificaatprofielen): seven fields between hyphens. */
#include "der.h"

/* What follows the OID CA: # is a digit, ? a type of pass. */
static const char form[] = "-1-#########-?-########-##.###-########";
static const zc_slice tail[ZC_UZI_FIELDS - 1] = {{1, 1}, {3, 9}, {13, 1}, {15, 8}, {24, 6}, {31, 8}};

static int is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static int fits(uint8_t c, char wanted)
{
    if (wanted == '#')
        return is_digit(c);
    if (wanted == '?')
        return c == 'Z' || c == 'N' || c == 'M' || c == 'S';
    return c == (uint8_t)wanted;
}

/* A root arc, then one or more others, each without a zero in front. */
static int is_dotted(zc_span text)
{
    if (zc_left(text) < 3 || *text.at < '0' || *text.at > '2')
        return 0;
    text.at++;
    while (zc_left(text) > 0) {
        int zero;

        if (*text.at++ != '.' || zc_left(text) == 0 || !is_digit(*text.at))
            return 0;
        zero = *text.at++ == '0';
        while (zc_left(text) > 0 && is_digit(*text.at)) {
            if (zero)
                return 0;
            text.at++;
        }
    }
    return 1;
}

zc_status zc_uzi_name(const uint8_t *text, size_t length, zc_slice *fields)
{
    size_t width = sizeof form - 1, head = length - width;
    zc_span oid = {text, text};

    if (length <= width)
        return ZC_E_TRUNCATED;
    if (length > ZC_CERTIFICATE_MAX)
        return ZC_E_RANGE;
    oid.end = text + head;
    if (!is_dotted(oid))
        return ZC_E_TEXT;
    for (size_t i = 0; i < width; i++)
        if (!fits(text[head + i], form[i]))
            return ZC_E_TEXT;
    fields[0] = (zc_slice){0, (uint32_t)head};
    for (size_t i = 1; i < ZC_UZI_FIELDS; i++)
        fields[i] = (zc_slice){(uint32_t)head + tail[i - 1].at, tail[i - 1].length};
    return ZC_OK;
}
