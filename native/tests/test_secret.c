/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE

#include "harness.h"
#include "zc.h"

#include <sys/wait.h>
#include <unistd.h>

#if defined(__has_feature) /* clang's way to say what gcc says with __SANITIZE_ADDRESS__ */
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

static zc_secret *open_with(const char *text)
{
    zc_secret *secret;
    uint32_t length = (uint32_t)strlen(text);

    EQUAL(zc_secret_open(length, &secret), ZC_OK);
    EQUAL(zc_secret_write(secret, 0, (const uint8_t *)text, length), ZC_OK);
    return secret;
}

static void a_secret_begins_as_zeros_and_ends_wiped(void)
{
    zc_secret *secret;

    EQUAL(zc_secret_open(ZC_SECRET_MAX, &secret), ZC_OK);
    EQUAL(zc_secret_check(secret), ZC_OK);
    for (uint32_t i = 0; i < ZC_SECRET_MAX; i++)
        EQUAL(secret->bytes[i], 0);
    memset(secret->bytes, 0x5A, ZC_SECRET_MAX);
    zc_secret_wipe(secret);
    for (uint32_t i = 0; i < ZC_SECRET_MAX; i++)
        EQUAL(secret->bytes[i], 0);
    EQUAL(zc_secret_check(secret), ZC_E_WIPED);
    zc_secret_wipe(secret);
    zc_secret_close(secret);
    zc_secret_close(NULL);
    zc_secret_wipe(NULL);
    EQUAL(zc_secret_open(ZC_SECRET_MAX + 1, &secret), ZC_E_RANGE);
}

static void a_wiped_secret_refuses_every_use(void)
{
    zc_secret *wiped = open_with("123456"), *other = open_with("123456");

    zc_secret_wipe(wiped);
    EQUAL(zc_secret_write(wiped, 0, (const uint8_t *)"1", 1), ZC_E_WIPED);
    EQUAL(zc_secret_insert(other, 0, wiped), ZC_E_WIPED);
    EQUAL(zc_secret_insert(wiped, 0, other), ZC_E_WIPED);
    EQUAL(zc_secret_random(wiped), ZC_E_WIPED);
    EQUAL(zc_secret_random_digits(wiped), ZC_E_WIPED);
    EQUAL(zc_secret_compare(wiped, other), ZC_E_WIPED);
    EQUAL(zc_secret_compare(other, wiped), ZC_E_WIPED);
    EQUAL(zc_secret_check_digits(wiped), ZC_E_WIPED);
    EQUAL(zc_secret_read_terminal(wiped, ""), ZC_E_WIPED);
    zc_secret_close(wiped);
    zc_secret_close(other);
}

static void writing_stays_within_the_contents(void)
{
    zc_secret *template = open_with("--------"), *pin = open_with("123456");

    EQUAL(zc_secret_insert(template, 2, pin), ZC_OK);
    CHECK(memcmp(template->bytes, "--123456", 8) == 0);
    EQUAL(zc_secret_insert(template, 3, pin), ZC_E_RANGE);
    EQUAL(zc_secret_insert(template, 9, pin), ZC_E_RANGE);
    EQUAL(zc_secret_write(template, UINT32_MAX, (const uint8_t *)"12", 2), ZC_E_RANGE);
    EQUAL(zc_secret_write(template, 7, (const uint8_t *)"12", 2), ZC_E_RANGE);
    EQUAL(zc_secret_write(template, 2, (const uint8_t *)"", UINT32_MAX), ZC_E_RANGE);
    EQUAL(zc_secret_write(template, 8, NULL, 0), ZC_OK);
    CHECK(memcmp(template->bytes, "--123456", 8) == 0);
    zc_secret_close(template);
    zc_secret_close(pin);
}

static void comparing_sees_every_byte(void)
{
    zc_secret *a = open_with("123456"), *b = open_with("123456"), *longer = open_with("1234567");

    EQUAL(zc_secret_compare(a, b), ZC_OK);
    EQUAL(zc_secret_compare(a, longer), ZC_E_DIFFERENT);
    for (uint32_t i = 0; i < 6; i++) {
        b->bytes[i] ^= 1;
        EQUAL(zc_secret_compare(a, b), ZC_E_DIFFERENT);
        b->bytes[i] ^= 1;
    }
    zc_secret_close(a);
    zc_secret_close(b);
    zc_secret_close(longer);
}

static void only_digits_are_digits(void)
{
    static const char *const wrong[] = {"12345/", "12345:", "12345a", "\xFF", " 1"};
    zc_secret *secret = open_with("0123456789");

    EQUAL(zc_secret_check_digits(secret), ZC_OK);
    zc_secret_close(secret);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        secret = open_with(wrong[i]);
        EQUAL(zc_secret_check_digits(secret), ZC_E_NOT_DIGITS);
        zc_secret_close(secret);
    }
}

/* 4080 digits: each has an expectation of 408 and a standard deviation of 19; 8 of them are exceeded once in 10^14. */
static void random_digits_are_digits_and_even(void)
{
    unsigned int seen[10] = {0};
    zc_secret *secret;

    EQUAL(zc_secret_open(ZC_SECRET_MAX, &secret), ZC_OK);
    EQUAL(zc_secret_random_digits(secret), ZC_OK);
    EQUAL(zc_secret_check_digits(secret), ZC_OK);
    for (uint32_t i = 0; i < ZC_SECRET_MAX; i++)
        seen[(secret->bytes[i] - '0') % 10]++;
    for (int digit = 0; digit < 10; digit++)
        CHECK(seen[digit] > 408 - 8 * 19 && seen[digit] < 408 + 8 * 19);
    zc_secret_close(secret);
}

static void random_bytes_differ(void)
{
    zc_secret *a = open_with("--------------------------------"), *b = open_with("--------------------------------");

    EQUAL(zc_secret_random(a), ZC_OK);
    EQUAL(zc_secret_random(b), ZC_OK);
    EQUAL(zc_secret_compare(a, b), ZC_E_DIFFERENT);
    zc_secret_close(a);
    zc_secret_close(b);
}

#ifdef __linux__
static void a_forked_child_finds_it_wiped(void)
{
    zc_secret *secret = open_with("123456");
    pid_t child = fork();
    int ended;

    if (child == 0)
        _exit(zc_secret_check(secret) == ZC_E_WIPED && secret->bytes[0] == 0 ? 0 : 1);
    waitpid(child, &ended, 0);
    CHECK(WIFEXITED(ended) && WEXITSTATUS(ended) == 0);
    EQUAL(zc_secret_check(secret), ZC_OK);
    zc_secret_close(secret);
}

/* The line of /proc/self/smaps with the flags of the mapping that holds `address`. */
static void flags_of(const void *address, char *flags, size_t size)
{
    FILE *maps = fopen("/proc/self/smaps", "r");
    char text[512];
    int inside = 0;

    flags[0] = 0;
    while (maps != NULL && fgets(text, sizeof text, maps) != NULL) {
        unsigned long start, end;

        if (sscanf(text, "%lx-%lx", &start, &end) == 2)
            inside = (unsigned long)address >= start && (unsigned long)address < end;
        else if (inside && strncmp(text, "VmFlags:", 8) == 0)
            snprintf(flags, size, "%s", text);
    }
    if (maps != NULL)
        fclose(maps);
}

static void the_page_is_locked_and_kept_out_of_dumps(void)
{
    zc_secret *secret = open_with("123456");
    char flags[512];

    flags_of(secret, flags, sizeof flags);
    CHECK(strstr(flags, " dd") != NULL);
    CHECK(strstr(flags, " wf") != NULL);
#ifndef __SANITIZE_ADDRESS__ /* which makes mlock do nothing; tests/unit/test_secret.py looks at it without */
    CHECK(!secret->locked || strstr(flags, " lo") != NULL);
#endif
    zc_secret_close(secret);
}

static void the_pages_around_it_fault(void)
{
    zc_secret *secret = open_with("123456");
    const long page = sysconf(_SC_PAGESIZE);

    for (int side = -1; side <= 1; side += 2) {
        char flags[512];

        flags_of((const uint8_t *)secret + side * page, flags, sizeof flags);
        CHECK(flags[0] == 0 || strstr(flags, " rd") == NULL);
    }
    zc_secret_close(secret);
}
#endif

int main(void)
{
    RUN(a_secret_begins_as_zeros_and_ends_wiped);
    RUN(a_wiped_secret_refuses_every_use);
    RUN(writing_stays_within_the_contents);
    RUN(comparing_sees_every_byte);
    RUN(only_digits_are_digits);
    RUN(random_digits_are_digits_and_even);
    RUN(random_bytes_differ);
#ifdef __linux__
    RUN(a_forked_child_finds_it_wiped);
    RUN(the_page_is_locked_and_kept_out_of_dumps);
    RUN(the_pages_around_it_fault);
#endif
    return report();
}
