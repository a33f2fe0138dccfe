/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a revocation index: refused, or in order; and looking into it is harmless either way. max_len=300 */
#include "fuzz.h"
#include "zc.h"

enum { SERIAL = 20 };

static void look(const uint8_t *index, size_t size, const uint8_t *serial, int sound)
{
    zc_revoked entry;
    zc_status status = zc_revoked_find(index, size, serial, SERIAL, &entry);

    REQUIRE(status == ZC_OK || status == ZC_E_MISSING || (status == ZC_E_INDEX && !sound));
    if (status == ZC_OK)
        REQUIRE(memcmp(entry.serial, serial, SERIAL) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    int sound = zc_revoked_check(input, size) == ZC_OK;
    zc_revoked entry, found;
    uint8_t serial[SERIAL] = {0};

    for (uint32_t i = 0; zc_revoked_at(input, size, i, &entry) == ZC_OK; i++) {
        look(input, size, entry.serial, sound);
        if (sound)
            REQUIRE(zc_revoked_find(input, size, entry.serial, SERIAL, &found) == ZC_OK);
    }
    for (int i = 0; i < 64; i++) {
        serial[SERIAL - 1] = (uint8_t)i;
        look(input, size, serial, sound);
    }
    return 0;
}
