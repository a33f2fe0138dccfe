/* SPDX-License-Identifier: Apache-2.0
 * Secrets in pages of their own. */
#include "system.h"
#include "zc.h"

#include <string.h>

#define ALIVE UINT64_C(0x5EC2E7A11E5ECE75)

zc_status zc_secret_open(uint32_t length, zc_secret **secret)
{
    size_t page = zc_system_page();
    zc_secret *s;

    *secret = NULL;
    if (length > ZC_SECRET_MAX)
        return ZC_E_RANGE;
    s = zc_system_map(page);
    if (s == NULL)
        return ZC_E_MEMORY;
    s->locked = (uint32_t)zc_system_lock(s, page);
    s->length = length;
    s->alive = ALIVE;
    *secret = s;
    return ZC_OK;
}

/* `locked` stays: it is no secret, and closing needs it. */
void zc_secret_wipe(zc_secret *secret)
{
    if (secret == NULL)
        return;
    secret->alive = 0;
    zc_wipe(secret->bytes, zc_system_page() - offsetof(zc_secret, bytes));
    secret->length = 0;
}

void zc_secret_close(zc_secret *secret)
{
    size_t page = zc_system_page();

    if (secret == NULL)
        return;
    zc_secret_wipe(secret);
    if (secret->locked)
        zc_system_unlock(secret, page);
    zc_system_unmap(secret, page);
}

zc_status zc_secret_check(const zc_secret *secret)
{
    return secret->alive == ALIVE ? ZC_OK : ZC_E_WIPED;
}

zc_status zc_secret_write(zc_secret *secret, uint32_t offset, const uint8_t *source, uint32_t length)
{
    if (secret->alive != ALIVE)
        return ZC_E_WIPED;
    if (offset > secret->length || length > secret->length - offset)
        return ZC_E_RANGE;
    if (length > 0)
        memcpy(secret->bytes + offset, source, length);
    return ZC_OK;
}

zc_status zc_secret_insert(zc_secret *secret, uint32_t offset, const zc_secret *source)
{
    if (source->alive != ALIVE)
        return ZC_E_WIPED;
    return zc_secret_write(secret, offset, source->bytes, source->length);
}

zc_status zc_secret_random(zc_secret *secret)
{
    if (secret->alive != ALIVE)
        return ZC_E_WIPED;
    return zc_system_random(secret->bytes, secret->length) ? ZC_OK : ZC_E_RANDOM;
}

/* 250 = 25 x 10: of the bytes below it each digit has 25. */
zc_status zc_secret_random_digits(zc_secret *secret)
{
    if (secret->alive != ALIVE)
        return ZC_E_WIPED;
    for (uint32_t i = 0; i < secret->length; i++) {
        uint8_t *byte = &secret->bytes[i];

        do {
            if (!zc_system_random(byte, 1))
                return ZC_E_RANDOM;
        } while (*byte >= 250);
        *byte = (uint8_t)('0' + *byte % 10);
    }
    return ZC_OK;
}

zc_status zc_compare(const uint8_t *a, const uint8_t *b, size_t length)
{
    const volatile uint8_t *left = a, *right = b;
    uint8_t difference = 0;

    for (size_t i = 0; i < length; i++)
        difference |= (uint8_t)(left[i] ^ right[i]);
    return (zc_status)(ZC_E_DIFFERENT * ((difference + 0xFF) >> 8)); /* no branch on what is compared */
}

zc_status zc_secret_compare(const zc_secret *a, const zc_secret *b)
{
    if (a->alive != ALIVE || b->alive != ALIVE)
        return ZC_E_WIPED;
    if (a->length != b->length)
        return ZC_E_DIFFERENT;
    return zc_compare(a->bytes, b->bytes, a->length);
}

zc_status zc_secret_check_digits(const zc_secret *secret)
{
    const volatile uint8_t *bytes = secret->bytes;
    uint32_t others = 0;

    if (secret->alive != ALIVE)
        return ZC_E_WIPED;
    for (uint32_t i = 0; i < secret->length; i++) {
        uint32_t digit = (uint32_t)bytes[i] - '0';

        others |= digit | (9 - digit); /* the top bit tells a byte below '0', or above '9' */
    }
    return (zc_status)(ZC_E_NOT_DIGITS * (int)(others >> 31));
}
