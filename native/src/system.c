/* SPDX-License-Identifier: Apache-2.0
 * Pages, random bytes and wiping on Linux, macOS and Windows. */
#ifdef __linux__
#define _GNU_SOURCE /* explicit_bzero, madvise, getrandom */
#elif defined(__APPLE__)
#define __STDC_WANT_LIB_EXT1__ 1 /* memset_s */
#endif

#include "system.h"
#include "zc.h"

#include <string.h>

#ifdef _WIN32

#include <windows.h>

#include <bcrypt.h>

size_t zc_system_page(void)
{
    SYSTEM_INFO info;

    GetSystemInfo(&info);
    return info.dwPageSize;
}

void *zc_system_map(size_t size)
{
    size_t page = zc_system_page();
    uint8_t *whole = VirtualAlloc(NULL, size + 2 * page, MEM_RESERVE, PAGE_NOACCESS);

    if (whole == NULL)
        return NULL;
    if (VirtualAlloc(whole + page, size, MEM_COMMIT, PAGE_READWRITE) != NULL)
        return whole + page;
    VirtualFree(whole, 0, MEM_RELEASE);
    return NULL;
}

void zc_system_unmap(void *memory, size_t size)
{
    (void)size;
    VirtualFree((uint8_t *)memory - zc_system_page(), 0, MEM_RELEASE);
}

int zc_system_lock(void *memory, size_t size)
{
    return VirtualLock(memory, size) != 0;
}

void zc_system_unlock(void *memory, size_t size)
{
    VirtualUnlock(memory, size);
}

int zc_system_random(uint8_t *out, size_t length)
{
    return BCryptGenRandom(NULL, out, (ULONG)length, BCRYPT_USE_SYSTEM_PREFERRED_RNG) == 0;
}

void zc_wipe(void *memory, size_t length)
{
    SecureZeroMemory(memory, length);
}

#else

#include <errno.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#if !defined(MAP_ANONYMOUS) && defined(MAP_ANON)
#define MAP_ANONYMOUS MAP_ANON
#endif

size_t zc_system_page(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

void *zc_system_map(size_t size)
{
    size_t page = zc_system_page();
    uint8_t *whole = mmap(NULL, size + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (whole == MAP_FAILED)
        return NULL;
    if (mprotect(whole + page, size, PROT_READ | PROT_WRITE) == 0)
        return whole + page;
    munmap(whole, size + 2 * page);
    return NULL;
}

void zc_system_unmap(void *memory, size_t size)
{
    size_t page = zc_system_page();

    munmap((uint8_t *)memory - page, size + 2 * page);
}

int zc_system_lock(void *memory, size_t size)
{
#ifdef MADV_DONTDUMP
    (void)madvise(memory, size, MADV_DONTDUMP);
#endif
#ifdef MADV_WIPEONFORK
    (void)madvise(memory, size, MADV_WIPEONFORK);
#endif
    return mlock(memory, size) == 0;
}

void zc_system_unlock(void *memory, size_t size)
{
    munlock(memory, size);
}

#ifdef __linux__

int zc_system_random(uint8_t *out, size_t length)
{
    while (length > 0) {
        ssize_t got = getrandom(out, length, 0);

        if (got < 0 && errno != EINTR)
            return 0;
        if (got > 0) {
            out += got;
            length -= (size_t)got;
        }
    }
    return 1;
}

void zc_wipe(void *memory, size_t length)
{
    explicit_bzero(memory, length);
}

#else

int zc_system_random(uint8_t *out, size_t length)
{
    while (length > 0) { /* getentropy gives at most 256 bytes at a time */
        size_t some = length < 256 ? length : 256;

        if (getentropy(out, some) != 0)
            return 0;
        out += some;
        length -= some;
    }
    return 1;
}

void zc_wipe(void *memory, size_t length)
{
    memset_s(memory, length, 0, length);
}

#endif
#endif
