/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as COMPACT-TLV and as SIMPLE-TLV: objects follow each other without gap, and SIMPLE headers are written back. */
#include "fuzz.h"
#include "zc.h"

typedef zc_status next_object(const uint8_t *data, size_t length, size_t *at, zc_tlv_flat *object);

static void walk(next_object *next, const uint8_t *data, size_t length)
{
    size_t at = 0;
    zc_tlv_flat object;

    for (;;) {
        size_t before = at;
        zc_status status = next(data, length, &at, &object);

        if (status != ZC_MORE) {
            REQUIRE(at == before);
            REQUIRE((status == ZC_OK) == (at == length));
            return;
        }
        REQUIRE(object.value > before && object.value <= length && object.length <= length - object.value);
        REQUIRE(at == (size_t)object.value + object.length);
        if (next == zc_tlv_simple) {
            uint8_t header[4];
            size_t written;

            REQUIRE(zc_tlv_simple_header(object.tag, object.length, header, &written) == ZC_OK);
            REQUIRE(object.value - before != written || memcmp(header, data + before, written) == 0);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    walk(zc_tlv_compact, input, size);
    walk(zc_tlv_simple, input, size);
    return 0;
}
