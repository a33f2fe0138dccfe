/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a plain object of JSON, a Web eID token, base64 and a UZI otherName: refused, or parts that lie inside, in their order. max_len=200 */
#include "fuzz.h"
#include "zc.h"

#include <stdlib.h>

enum { MEMBERS = 8 };

/* Where the part ends, which begins at `from` or behind it. */
static size_t follows(size_t from, zc_slice part, size_t size)
{
    REQUIRE(part.at >= from && part.at <= size && part.length <= size - part.at);
    return part.at + part.length;
}

static void check_json(const uint8_t *input, size_t size)
{
    zc_member members[MEMBERS];
    size_t count, end = 0;
    zc_status status = zc_json_texts(input, size, members, MEMBERS, &count);

    REQUIRE(status == ZC_OK ? count <= MEMBERS : count == 0);
    for (size_t i = 0; i < count; i++) {
        zc_slice parts[2] = {members[i].name, members[i].text};

        for (size_t n = 0; n < 2; n++) {
            end = follows(end, parts[n], size);
            REQUIRE(input[parts[n].at - 1] == '"' && input[end] == '"');
            for (size_t at = parts[n].at; at < end; at++)
                REQUIRE(input[at] >= 0x20 && input[at] <= 0x7F && input[at] != '"' && input[at] != '\\');
            end++;
        }
    }
}

static void check_uzi_name(const uint8_t *input, size_t size)
{
    zc_slice fields[ZC_UZI_FIELDS];
    size_t end = 0;

    if (zc_uzi_name(input, size, fields) != ZC_OK)
        return;
    for (size_t i = 0; i < ZC_UZI_FIELDS; i++) {
        REQUIRE(fields[i].at == end && fields[i].length > 0);
        end = follows(end, fields[i], size);
        REQUIRE(i + 1 == ZC_UZI_FIELDS ? end == size : input[end++] == '-');
    }
}

static void check_part(const uint8_t *input, zc_slice part, size_t size)
{
    REQUIRE(part.at > 0 && part.length > 0 && follows(1, part, size) < size);
    REQUIRE(input[part.at - 1] == '"' && input[part.at + part.length] == '"');
}

static void check_web_eid(const uint8_t *input, size_t size)
{
    zc_web_eid token;

    if (zc_web_eid_read(input, size, &token) != ZC_OK) {
        REQUIRE(token.certificate.length == 0 && token.format.length == 0);
        return;
    }
    check_part(input, token.certificate, size);
    check_part(input, token.algorithm, size);
    check_part(input, token.signature, size);
    check_part(input, token.format, size);
}

/* `out` is exactly as large as the header says. */
static void check_base64(const uint8_t *input, size_t size)
{
    size_t padding = size < 4 ? 0 : (size_t)(input[size - 1] == '=') + (size_t)(input[size - 2] == '=');
    size_t room = size / 4 * 3 - padding, made = 1;
    uint8_t *out = malloc(room + 1);
    zc_status status = zc_base64_read(input, size, out + 1, &made);

    REQUIRE(made == (status == ZC_OK ? room : 0));
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    check_json(input, size);
    check_uzi_name(input, size);
    check_web_eid(input, size);
    check_base64(input, size);
    return 0;
}
