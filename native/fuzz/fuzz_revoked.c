/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a CRL: refused, or an index that passes its own check and in which every entry is found. max_len=400 */
#include "fuzz.h"
#include "zc.h"

enum { ROOM = 4096 };

static uint8_t room[ROOM];

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    size_t capacity = zc_revoked_room(size), length;
    uint8_t *out = room + ROOM - capacity;
    zc_revoked entry, again;
    uint32_t count = 0;

    REQUIRE(capacity > 0 && capacity <= ROOM);
    if (zc_revoked_build(input, size, out, capacity, &length) != ZC_OK) {
        REQUIRE(length == 0);
        return 0;
    }
    REQUIRE(length <= capacity && zc_revoked_check(out, length) == ZC_OK);
    while (zc_revoked_at(out, length, count, &entry) == ZC_OK) {
        count++;
        REQUIRE(zc_revoked_find(out, length, entry.serial, sizeof entry.serial, &again) == ZC_OK);
        REQUIRE(again.since == entry.since && again.reason == entry.reason);
        entry.serial[19] ^= 1;
        if (zc_revoked_find(out, length, entry.serial, sizeof entry.serial, &again) == ZC_OK)
            REQUIRE(memcmp(again.serial, entry.serial, sizeof entry.serial) == 0);
    }
    REQUIRE(count <= size / 20);
    return 0;
}
