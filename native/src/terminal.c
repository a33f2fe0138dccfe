/* SPDX-License-Identifier: Apache-2.0
 * One line from the terminal without echo, byte by byte straight into a secret. */
#define _GNU_SOURCE

#include "zc.h"

enum { CTRL_C = 0x03, CTRL_D = 0x04, BACKSPACE = 0x08, CTRL_U = 0x15, ERASE = 0x7F };

/* What has been read: `length` bytes of `capacity`, and whether more came than fit. */
typedef struct {
    zc_secret *secret;
    uint32_t capacity;
    uint32_t length;
    int overflow;
} editor;

/* Take back one character: in UTF-8 the bytes 10xxxxxx and the one that leads them. */
static void erase(editor *line)
{
    uint8_t *bytes = line->secret->bytes;
    uint8_t last;

    do {
        if (line->length == 0)
            return;
        last = bytes[--line->length];
        bytes[line->length] = 0;
    } while ((last & 0xC0) == 0x80);
}

/* ZC_MORE until the line is whole. */
static zc_status take(editor *line, uint8_t byte)
{
    switch (byte) {
    case '\r':
    case '\n':
        return line->overflow ? ZC_E_CAPACITY : ZC_OK;
    case CTRL_C:
        return ZC_E_INTERRUPTED;
    case CTRL_D:
        return line->length == 0 ? ZC_E_END : ZC_MORE;
    case BACKSPACE:
    case ERASE:
        erase(line);
        return ZC_MORE;
    case CTRL_U:
        zc_wipe(line->secret->bytes, line->capacity);
        line->length = 0;
        line->overflow = 0;
        return ZC_MORE;
    default:
        break;
    }
    if (line->length < line->capacity)
        line->secret->bytes[line->length++] = byte;
    else
        line->overflow = 1;
    return ZC_MORE;
}

static zc_status read_terminal(editor *line, const char *prompt);

zc_status zc_secret_read_terminal(zc_secret *secret, const char *prompt)
{
    editor line = {.secret = secret};
    zc_status status = zc_secret_check(secret);

    if (status != ZC_OK)
        return status;
    line.capacity = secret->length;
    status = read_terminal(&line, prompt);
    if (status == ZC_OK)
        secret->length = line.length;
    else
        zc_secret_wipe(secret);
    return status;
}

#ifdef _WIN32

#include <conio.h>

static zc_status read_terminal(editor *line, const char *prompt)
{
    zc_status status;

    _cputs(prompt);
    do
        status = take(line, (uint8_t)_getch());
    while (status == ZC_MORE);
    _cputs("\r\n");
    return status;
}

#else

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { LOOK_FOR_SIGNALS_MS = 100 };

static void show(int terminal, const char *text)
{
    size_t left = strlen(text);

    while (left > 0) {
        ssize_t put = write(terminal, text, left);

        if (put < 0)
            return;
        text += put;
        left -= (size_t)put;
    }
}

/* Signals that end or stop a process are held back while echo is off, lest they leave the terminal so. */
static void held_signals(sigset_t *set)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};

    sigemptyset(set);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        sigaddset(set, signals[i]);
}

static int signal_waits(const sigset_t *held)
{
    sigset_t pending;

    if (sigpending(&pending) != 0)
        return 0;
    for (int number = 1; number < NSIG; number++)
        if (sigismember(held, number) == 1 && sigismember(&pending, number) == 1)
            return 1;
    return 0;
}

static zc_status read_line(int terminal, const sigset_t *held, editor *line)
{
    zc_status status = ZC_MORE;
    uint8_t byte = 0;

    while (status == ZC_MORE) {
        struct pollfd ready = {.fd = terminal, .events = POLLIN};
        int count;

        if (signal_waits(held))
            return ZC_E_INTERRUPTED;
        count = poll(&ready, 1, LOOK_FOR_SIGNALS_MS);
        if (count == 0 || (count < 0 && errno == EINTR))
            continue;
        if (count < 0 || read(terminal, &byte, 1) != 1)
            return ZC_E_END;
        status = take(line, byte);
    }
    zc_wipe(&byte, sizeof byte);
    return status;
}

static zc_status read_silently(int terminal, editor *line, const char *prompt)
{
    struct termios before, silent;
    sigset_t held, mask;
    zc_status status;

    if (tcgetattr(terminal, &before) != 0)
        return ZC_E_NO_TERMINAL;
    held_signals(&held);
    pthread_sigmask(SIG_BLOCK, &held, &mask);
    silent = before;
    silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
    silent.c_cc[VMIN] = 1;
    silent.c_cc[VTIME] = 0;
    status = ZC_E_NO_TERMINAL;
    if (tcsetattr(terminal, TCSAFLUSH, &silent) == 0) {
        show(terminal, prompt);
        status = read_line(terminal, &held, line);
        tcsetattr(terminal, TCSAFLUSH, &before);
        show(terminal, "\n");
    }
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    return status;
}

static zc_status read_terminal(editor *line, const char *prompt)
{
    int terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    zc_status status;

    if (terminal < 0)
        return ZC_E_NO_TERMINAL;
    status = read_silently(terminal, line, prompt);
    close(terminal);
    return status;
}

#endif
