/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a plain object of JSON and as a UZI otherName: refused, or parts that lie inside, in their order. max_len=200 */
#include "fuzz.h"
#include "zc.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    check_json(input, size);
    check_uzi_name(input, size);
    return 0;
}
