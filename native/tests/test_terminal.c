/* SPDX-License-Identifier: Apache-2.0
 * A person at a pseudo-terminal: keys go in, and what is shown and how the terminal is left are looked at. */
#define _GNU_SOURCE

#include "harness.h"
#include "zc.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { CAPACITY = 8, SIGNALLED = 100 };

static char shown[256];
static struct termios left_as;

/* The child: its own session with the terminal `name` as controlling terminal. Its exit status is what was read. */
static void be_the_program(const char *name, const char *want)
{
    zc_secret *secret;
    zc_status status;
    int terminal;

    setsid();
    terminal = open(name, O_RDWR);
    if (terminal < 0 || ioctl(terminal, TIOCSCTTY, 0) != 0)
        _exit(50);
    if (zc_secret_open(CAPACITY, &secret) != ZC_OK)
        _exit(51);
    status = zc_secret_read_terminal(secret, "PIN: ");
    if (status != ZC_OK)
        _exit(zc_secret_check(secret) == ZC_E_WIPED ? -status : 52);
    _exit(secret->length == strlen(want) && memcmp(secret->bytes, want, strlen(want)) == 0 ? 0 : 53);
}

/* Read what the terminal shows until it holds `until`, or half a second passes. */
static void watch(int master, const char *until)
{
    size_t have = strlen(shown);
    struct pollfd ready = {.fd = master, .events = POLLIN};

    while (strstr(shown, until) == NULL && poll(&ready, 1, 2000) == 1) {
        ssize_t got = read(master, shown + have, sizeof shown - 1 - have);

        if (got <= 0)
            return;
        have += (size_t)got;
        shown[have] = 0;
    }
}

/* Type `keys` (or send `signal_number`) at the prompt; the child's exit status, SIGNALLED + number when a signal ended it. */
static int type(const char *keys, int signal_number, const char *want)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY), slave, ended;
    const char *name;
    pid_t child;

    grantpt(master);
    unlockpt(master);
    name = ptsname(master);
    slave = open(name, O_RDWR | O_NOCTTY);
    memset(shown, 0, sizeof shown);
    child = fork();
    if (child == 0)
        be_the_program(name, want);
    watch(master, "PIN: ");
    if (signal_number)
        kill(child, signal_number);
    else
        CHECK(write(master, keys, strlen(keys)) == (ssize_t)strlen(keys));
    watch(master, "\n");
    waitpid(child, &ended, 0);
    tcgetattr(slave, &left_as);
    close(slave);
    close(master);
    return WIFSIGNALED(ended) ? SIGNALLED + WTERMSIG(ended) : WEXITSTATUS(ended);
}

static int restored(void)
{
    return (left_as.c_lflag & ECHO) && (left_as.c_lflag & ICANON) && (left_as.c_lflag & ISIG);
}

static void a_line_is_read_and_not_shown(void)
{
    EQUAL(type("123456\r", 0, "123456"), 0);
    CHECK(strstr(shown, "1") == NULL);
    CHECK(restored());
    EQUAL(type("\n", 0, ""), 0);
    EQUAL(type("12345678\n", 0, "12345678"), 0);
}

static void mistakes_can_be_corrected(void)
{
    EQUAL(type("129\x7F\x08" "3\n", 0, "13"), 0);
    EQUAL(type("\x7F\x7F" "1\n", 0, "1"), 0);
    EQUAL(type("999\x15" "12\n", 0, "12"), 0);
    EQUAL(type("a\xC3\xA9\x7F" "b\n", 0, "ab"), 0);
    EQUAL(type("123456789\x15" "1\n", 0, "1"), 0);
    EQUAL(type("1\x04" "2\n", 0, "12"), 0);
}

static void a_line_that_is_too_long_is_refused(void)
{
    EQUAL(type("123456789\n", 0, ""), -ZC_E_CAPACITY);
    CHECK(restored());
}

static void control_keys_end_it_and_restore_the_terminal(void)
{
    EQUAL(type("12\x03", 0, ""), -ZC_E_INTERRUPTED);
    CHECK(restored());
    EQUAL(type("\x04", 0, ""), -ZC_E_END);
    CHECK(restored());
}

static void a_signal_ends_the_process_with_the_terminal_restored(void)
{
    EQUAL(type("", SIGTERM, ""), SIGNALLED + SIGTERM);
    CHECK(restored());
    CHECK(strstr(shown, "PIN: \r\n") != NULL);
}

static void without_a_terminal_it_says_so(void)
{
    pid_t child = fork();
    int ended;

    if (child == 0) {
        zc_secret *secret;

        setsid();
        zc_secret_open(CAPACITY, &secret);
        _exit(-zc_secret_read_terminal(secret, "PIN: "));
    }
    waitpid(child, &ended, 0);
    EQUAL(WEXITSTATUS(ended), -ZC_E_NO_TERMINAL);
}

int main(void)
{
    RUN(a_line_is_read_and_not_shown);
    RUN(mistakes_can_be_corrected);
    RUN(a_line_that_is_too_long_is_refused);
    RUN(control_keys_end_it_and_restore_the_terminal);
    RUN(a_signal_ends_the_process_with_the_terminal_restored);
    RUN(without_a_terminal_it_says_so);
    return report();
}
