/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as an answer to reset: every byte is accounted for. */
#include "fuzz.h"
#include "zc.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    zc_atr atr;
    size_t offset;
    zc_status status = zc_atr_parse(input, size, &atr, &offset);

    REQUIRE(offset <= size);
    if (status != ZC_OK)
        return 0;
    REQUIRE(offset == size && size <= ZC_ATR_MAX);
    REQUIRE(atr.historical_offset == 2 + atr.interface_count);
    REQUIRE((size_t)atr.historical_offset + atr.historical_length + atr.checked == size);
    REQUIRE(atr.first < 15 && (atr.protocols >> atr.first & 1) && atr.protocols < 0x8000);
    REQUIRE(atr.extended_length <= 1 || atr.extended_length == ZC_ATR_UNKNOWN);
    REQUIRE((atr.extended_length == ZC_ATR_UNKNOWN) == (atr.chaining == ZC_ATR_UNKNOWN));
    for (size_t i = 0; i < atr.interface_count; i++) {
        REQUIRE(atr.interface_bytes[i].value == input[2 + i]);
        REQUIRE(atr.interface_bytes[i].kind >= 'A' && atr.interface_bytes[i].kind <= 'D');
    }
    return 0;
}
