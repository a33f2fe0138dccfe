/* SPDX-License-Identifier: Apache-2.0
 * What secret.c asks of the operating system. */
#ifndef ZC_SYSTEM_H
#define ZC_SYSTEM_H

#include <stddef.h>
#include <stdint.h>

size_t zc_system_page(void);

/* `size` bytes (a multiple of the page), zero, with a page that faults on either side; NULL when there is no memory. */
void *zc_system_map(size_t size);
void zc_system_unmap(void *memory, size_t size);

/* Keep out of swap; 1 if the system agreed. Keeping out of core dumps and of forked children is done as far as it goes. */
int zc_system_lock(void *memory, size_t size);
void zc_system_unlock(void *memory, size_t size);

/* 1 if all bytes came from the system's generator. */
int zc_system_random(uint8_t *out, size_t length);

#endif
