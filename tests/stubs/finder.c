/* SPDX-License-Identifier: Apache-2.0 */
/* Which of many patterns occur in some octets, all looked for at once (after Wu and Manber, 1994).
 *
 * A bit for each hash of four octets says whether a pattern begins so; only there are patterns compared. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { BITS = 16, MOST = 4096 };

static uint32_t hashed(const uint8_t *octets) {
    uint32_t four;
    memcpy(&four, octets, 4);
    return (four * 2654435761u) >> (32 - BITS);
}

/* Sets found[n] for each pattern that occurs. Patterns lie one after the other, and have four octets at least.
 * Returns 0; -1: there are too many, or one is too short. */
int find_all(const uint8_t *octets, size_t length, const uint8_t *patterns, const uint32_t *lengths, size_t count,
             uint8_t *found) {
    static _Thread_local uint16_t first[1u << BITS], next[MOST + 1];
    const uint8_t *starts[MOST + 1];
    if (count > MOST) return -1;
    memset(first, 0, sizeof first);
    for (size_t n = 1; n <= count; patterns += lengths[n++ - 1]) {
        if (lengths[n - 1] < 4) return -1;
        uint32_t hash = hashed(patterns);
        starts[n] = patterns;
        next[n] = first[hash];
        first[hash] = (uint16_t)n;
    }
    for (size_t at = 0; at + 4 <= length; at++)
        for (uint16_t n = first[hashed(octets + at)]; n; n = next[n])
            if (lengths[n - 1] <= length - at && !memcmp(octets + at, starts[n], lengths[n - 1])) found[n - 1] = 1;
    return 0;
}
