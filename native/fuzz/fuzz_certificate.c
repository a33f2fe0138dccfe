/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a certificate: refused, or one whose parts lie inside of it and whose lists can be walked to their ends. max_len=1200 */
#include "fuzz.h"
#include "zc.h"

static const uint8_t *input_at;
static size_t input_size;

static void inside(zc_slice part)
{
    REQUIRE(part.at <= input_size && part.length <= input_size - part.at);
}

/* Text, which is as long as it says, in digits and dots. */
static void check_oid(zc_slice oid)
{
    char text[ZC_OID_TEXT_MAX];
    size_t length;

    inside(oid);
    length = zc_oid_text(input_at + oid.at, oid.length, text);
    REQUIRE(length >= 3 && length <= sizeof text && text[0] >= '0' && text[0] <= '2' && text[1] == '.');
    for (size_t i = 0; i < length; i++)
        REQUIRE(text[i] == '.' ? i > 0 && i + 1 < length && text[i - 1] != '.' : text[i] >= '0' && text[i] <= '9');
}

/* Every item lies behind the one before; a list that was read ends where it ends. */
static uint32_t walk(uint32_t what, zc_slice part)
{
    zc_slice rest = zc_certificate_walk(input_at, part, what);
    uint32_t end = rest.at + rest.length, count = 0;
    zc_item item;

    inside(rest);
    while (zc_certificate_next(input_at, what, &rest, &item) == ZC_MORE) {
        REQUIRE(rest.at + rest.length == end);
        inside(item.value);
        if (item.type.length > 0)
            check_oid(item.type);
        if (what == ZC_WALK_POINTS && item.value.length > 0)
            REQUIRE(walk(ZC_WALK_NAMES, item.value) > 0);
        count++;
    }
    REQUIRE(rest.length == 0);
    return count;
}

static void check_extensions(const zc_certificate *certificate)
{
    static const int walks[ZC_EXTENSIONS] = {-1, -1, ZC_WALK_NAMES, -1, -1, ZC_WALK_POINTS, ZC_WALK_POLICIES, -1, ZC_WALK_PURPOSES, ZC_WALK_ACCESS};

    REQUIRE((certificate->critical & ~certificate->present) == 0 && certificate->present >> ZC_EXTENSIONS == 0);
    for (uint32_t i = 0; i < ZC_EXTENSIONS; i++) {
        inside(certificate->value[i]);
        if (!(certificate->present >> i & 1))
            REQUIRE(certificate->value[i].length == 0);
        else if (walks[i] >= 0)
            REQUIRE(walk((uint32_t)walks[i], certificate->value[i]) > 0);
    }
    REQUIRE(walk(ZC_WALK_EXTENSIONS, certificate->extensions) <= ZC_CERTIFICATE_ITEMS);
    REQUIRE(certificate->key_usage != 0 || !(certificate->present >> ZC_EXTENSION_KEY_USAGE & 1));
    REQUIRE(certificate->path_length >= -1 && (certificate->path_length < 0 || certificate->is_ca));
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    static zc_certificate certificate;
    const char *field;

    input_at = input;
    input_size = size;
    if (zc_certificate_read(input, size, &certificate, &field) != ZC_OK) {
        REQUIRE(field != NULL && certificate.tbs.length == 0 && certificate.present == 0);
        return 0;
    }
    inside(certificate.tbs);
    inside(certificate.spki);
    inside(certificate.signature);
    check_oid(certificate.algorithm);
    walk(ZC_WALK_NAME, certificate.issuer);
    walk(ZC_WALK_NAME, certificate.subject);
    check_extensions(&certificate);
    REQUIRE(certificate.signed_by <= ZC_SIGNED_ES512 && certificate.key_kind <= ZC_KEY_EC);
    REQUIRE((certificate.key_kind == ZC_KEY_OTHER) == (certificate.key_bits == 0));
    return 0;
}
