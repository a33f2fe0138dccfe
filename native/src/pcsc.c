/* SPDX-License-Identifier: Apache-2.0
 * PC/SC without its headers: the library is loaded at run time, and its types are declared here for each platform.
 *
 *   platform   DWORD           LONG      SCARDCONTEXT, SCARDHANDLE   SCARD_READERSTATE   names
 *   Linux      unsigned long   long      long                        ATR of 33 bytes     plain
 *   macOS      uint32_t        int32_t   int32_t                     the same, packed    plain
 *   Windows    uint32_t        int32_t   uintptr_t                   ATR of 36 bytes     with A where a string goes in or out
 *
 * ZC_PCSC_ABI chooses another platform's than that which is built for, so that each is tested on any (tests/abi_pcsc.c).
 */
#include "zc.h"

#include <string.h>

#define LINUX 1
#define MACOS 2
#define WINDOWS 3

#if !defined(ZC_PCSC_ABI)
#if defined(_WIN32)
#define ZC_PCSC_ABI WINDOWS
#elif defined(__APPLE__)
#define ZC_PCSC_ABI MACOS
#else
#define ZC_PCSC_ABI LINUX
#endif
#endif

#if defined(_WIN32)
#define CALL __stdcall
#else
#define CALL
#endif

#if ZC_PCSC_ABI == WINDOWS
#define ANSI(name) name "A"
#define ATR_SIZE 36
typedef uint32_t dword;
typedef int32_t result;
typedef uintptr_t handle;
#else
#define ANSI(name) name
#define ATR_SIZE 33
#if ZC_PCSC_ABI == MACOS
#pragma pack(push, 1)
typedef uint32_t dword;
typedef int32_t result;
typedef int32_t handle;
#else
typedef unsigned long dword;
typedef long result;
typedef long handle;
#endif
#endif

typedef struct {
    const char *reader;
    void *user;
    dword current;
    dword event;
    dword atr_length;
    uint8_t atr[ATR_SIZE];
} reader_state;

typedef struct {
    dword protocol;
    dword size;
} io_request;

#if ZC_PCSC_ABI == MACOS
#pragma pack(pop)
#endif

typedef result(CALL *establish_call)(dword, const void *, const void *, handle *);
typedef result(CALL *release_call)(handle);
typedef result(CALL *list_call)(handle, const char *, char *, dword *);
typedef result(CALL *wait_call)(handle, dword, reader_state *, dword);
typedef result(CALL *cancel_call)(handle);
typedef result(CALL *connect_call)(handle, const char *, dword, dword, handle *, dword *);
typedef result(CALL *reconnect_call)(handle, dword, dword, dword, dword *);
typedef result(CALL *disconnect_call)(handle, dword);
typedef result(CALL *begin_call)(handle);
typedef result(CALL *end_call)(handle, dword);
typedef result(CALL *status_call)(handle, char *, dword *, dword *, dword *, uint8_t *, dword *);
typedef result(CALL *transmit_call)(handle, const io_request *, const uint8_t *, dword, io_request *, uint8_t *,
                                    dword *);
typedef result(CALL *control_call)(handle, dword, const void *, dword, void *, dword, dword *);

enum { ESTABLISH, RELEASE, LIST, WAIT, CANCEL, CONNECT, RECONNECT, DISCONNECT, BEGIN, END, STATUS, TRANSMIT, CONTROL };

static const char *const names[ZC_PCSC_CALLS] = {
    [ESTABLISH] = "SCardEstablishContext",
    [RELEASE] = "SCardReleaseContext",
    [LIST] = ANSI("SCardListReaders"),
    [WAIT] = ANSI("SCardGetStatusChange"),
    [CANCEL] = "SCardCancel",
    [CONNECT] = ANSI("SCardConnect"),
    [RECONNECT] = "SCardReconnect",
    [DISCONNECT] = "SCardDisconnect",
    [BEGIN] = "SCardBeginTransaction",
    [END] = "SCardEndTransaction",
    [STATUS] = ANSI("SCardStatus"),
    [TRANSMIT] = "SCardTransmit",
#if ZC_PCSC_ABI == MACOS
    [CONTROL] = "SCardControl132", /* its SCardControl is of PC/SC 1.0, without the control code */
#else
    [CONTROL] = "SCardControl",
#endif
};

enum { SCOPE_SYSTEM = 2, T0 = 1, T0_OR_T1 = 3, FUNCTION_MAX = 0xFFF };

#define INVALID_PARAMETER UINT32_C(0x80100004) /* SCARD_E_INVALID_PARAMETER */

/* ISO C has no cast between object and function pointers; POSIX and Windows promise that their representations agree. */
#define ENTRY(type, pcsc, index) \
    type entry;                  \
    memcpy(&entry, &(pcsc)->call[index], sizeof entry)

#if defined(_WIN32)

#include <windows.h>

static void *open_library(const char *path)
{
    if (path != NULL)
        return (void *)LoadLibraryA(path);
    return (void *)LoadLibraryExA("winscard.dll", NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
}

static void *find_symbol(void *library, const char *name)
{
    FARPROC found = GetProcAddress((HMODULE)library, name);
    void *symbol;

    memcpy(&symbol, &found, sizeof symbol);
    return symbol;
}

static void close_library(void *library)
{
    FreeLibrary((HMODULE)library);
}

#else

#include <dlfcn.h>

static void *open_library(const char *path)
{
#if defined(__APPLE__)
    const char *usual = "/System/Library/Frameworks/PCSC.framework/PCSC";
#else
    const char *usual = "libpcsclite.so.1";
#endif

    return dlopen(path != NULL ? path : usual, RTLD_NOW | RTLD_LOCAL);
}

static void *find_symbol(void *library, const char *name)
{
    return dlsym(library, name);
}

static void close_library(void *library)
{
    dlclose(library);
}

#endif

zc_status zc_pcsc_load(zc_pcsc *pcsc, const char *path)
{
    memset(pcsc, 0, sizeof *pcsc);
    pcsc->library = open_library(path);
    if (pcsc->library == NULL)
        return ZC_E_LIBRARY;
    for (size_t i = 0; i < ZC_PCSC_CALLS; i++) {
        pcsc->call[i] = find_symbol(pcsc->library, names[i]);
        if (pcsc->call[i] == NULL && i != CONTROL) {
            zc_pcsc_unload(pcsc);
            return ZC_E_SYMBOL;
        }
    }
    return ZC_OK;
}

void zc_pcsc_unload(zc_pcsc *pcsc)
{
    if (pcsc->library != NULL)
        close_library(pcsc->library);
    memset(pcsc, 0, sizeof *pcsc);
}

uint32_t zc_pcsc_establish(const zc_pcsc *pcsc, uint64_t *context)
{
    ENTRY(establish_call, pcsc, ESTABLISH);
    handle made = 0;
    uint32_t code = (uint32_t)entry(SCOPE_SYSTEM, NULL, NULL, &made);

    *context = (uint64_t)made;
    return code;
}

uint32_t zc_pcsc_release(const zc_pcsc *pcsc, uint64_t context)
{
    ENTRY(release_call, pcsc, RELEASE);

    return (uint32_t)entry((handle)context);
}

uint32_t zc_pcsc_list(const zc_pcsc *pcsc, uint64_t context, char *readers, uint32_t capacity, uint32_t *length)
{
    ENTRY(list_call, pcsc, LIST);
    dword size = capacity;
    uint32_t code = (uint32_t)entry((handle)context, NULL, readers, &size);

    *length = (uint32_t)size;
    return code;
}

uint32_t zc_pcsc_wait(const zc_pcsc *pcsc, uint64_t context, zc_pcsc_slot *slots, uint32_t count,
                      uint32_t milliseconds)
{
    ENTRY(wait_call, pcsc, WAIT);
    reader_state states[ZC_PCSC_SLOTS_MAX];
    uint32_t code;

    if (count > ZC_PCSC_SLOTS_MAX)
        return INVALID_PARAMETER;
    memset(states, 0, sizeof states);
    for (uint32_t i = 0; i < count; i++) {
        states[i].reader = slots[i].reader;
        states[i].current = slots[i].state;
    }
    code = (uint32_t)entry((handle)context, milliseconds, states, count);
    for (uint32_t i = 0; code == 0 && i < count; i++) {
        slots[i].state = (uint32_t)states[i].event;
        slots[i].atr_length = states[i].atr_length < ATR_SIZE ? (uint32_t)states[i].atr_length : ATR_SIZE;
        memcpy(slots[i].atr, states[i].atr, ATR_SIZE);
    }
    return code;
}

uint32_t zc_pcsc_cancel(const zc_pcsc *pcsc, uint64_t context)
{
    ENTRY(cancel_call, pcsc, CANCEL);

    return (uint32_t)entry((handle)context);
}

uint32_t zc_pcsc_connect(const zc_pcsc *pcsc, uint64_t context, const char *reader, uint32_t share, uint64_t *card,
                         uint32_t *protocol)
{
    ENTRY(connect_call, pcsc, CONNECT);
    handle made = 0;
    dword chosen = 0;
    uint32_t code = (uint32_t)entry((handle)context, reader, share, T0_OR_T1, &made, &chosen);

    *card = (uint64_t)made;
    *protocol = (uint32_t)chosen;
    return code;
}

uint32_t zc_pcsc_reconnect(const zc_pcsc *pcsc, uint64_t card, uint32_t share, uint32_t initialization,
                           uint32_t *protocol)
{
    ENTRY(reconnect_call, pcsc, RECONNECT);
    dword chosen = 0;
    uint32_t code = (uint32_t)entry((handle)card, share, T0_OR_T1, initialization, &chosen);

    *protocol = (uint32_t)chosen;
    return code;
}

uint32_t zc_pcsc_disconnect(const zc_pcsc *pcsc, uint64_t card, uint32_t disposition)
{
    ENTRY(disconnect_call, pcsc, DISCONNECT);

    return (uint32_t)entry((handle)card, disposition);
}

uint32_t zc_pcsc_begin(const zc_pcsc *pcsc, uint64_t card)
{
    ENTRY(begin_call, pcsc, BEGIN);

    return (uint32_t)entry((handle)card);
}

uint32_t zc_pcsc_end(const zc_pcsc *pcsc, uint64_t card, uint32_t disposition)
{
    ENTRY(end_call, pcsc, END);

    return (uint32_t)entry((handle)card, disposition);
}

uint32_t zc_pcsc_atr(const zc_pcsc *pcsc, uint64_t card, uint8_t *atr, uint32_t *length)
{
    ENTRY(status_call, pcsc, STATUS);
    char reader[256];
    dword reader_length = sizeof reader, state = 0, protocol = 0, size = ZC_PCSC_ATR_MAX;
    uint32_t code = (uint32_t)entry((handle)card, reader, &reader_length, &state, &protocol, atr, &size);

    *length = size < ZC_PCSC_ATR_MAX ? (uint32_t)size : ZC_PCSC_ATR_MAX;
    return code;
}

/* T=0 carries five bytes of header always, and no Le behind data. Returns the command to send and its length. */
static const uint8_t *as_t0(const uint8_t *command, size_t *length, uint8_t case1[5])
{
    zc_command head;
    size_t offset;

    if (zc_command_parse(command, *length, &head, &offset) != ZC_OK || head.extended)
        return command;
    if (head.nc > 0 && head.ne > 0)
        *length -= 1;
    if (head.nc > 0 || head.ne > 0)
        return command;
    memcpy(case1, command, 4);
    case1[4] = 0;
    *length = 5;
    return case1;
}

uint32_t zc_pcsc_transmit(const zc_pcsc *pcsc, uint64_t card, uint32_t protocol, const uint8_t *command,
                          size_t command_length, uint8_t *response, size_t capacity, size_t *response_length)
{
    ENTRY(transmit_call, pcsc, TRANSMIT);
    io_request request = {protocol, sizeof request};
    uint8_t case1[5];
    dword size = (dword)capacity;
    uint32_t code;

    if (protocol == T0)
        command = as_t0(command, &command_length, case1);
    code = (uint32_t)entry((handle)card, &request, command, (dword)command_length, NULL, response, &size);
    *response_length = size <= capacity ? (size_t)size : 0;
    /* this one code is ours alone and means "never sent": from a library it may have been sent all the same */
    return code == ZC_TRANSMIT_REFUSED ? UINT32_C(0x80100014) /* SCARD_F_UNKNOWN_ERROR */ : code;
}

/* The platform's control code of a function of PC/SC part 10; a control code stays what it is. */
static dword control_code(uint32_t code)
{
    if (code > FUNCTION_MAX)
        return code;
#if ZC_PCSC_ABI == WINDOWS
    return (UINT32_C(0x31) << 16) | (code << 2); /* CTL_CODE(FILE_DEVICE_SMARTCARD, code, METHOD_BUFFERED, FILE_ANY_ACCESS) */
#else
    return UINT32_C(0x42000000) + code;
#endif
}

uint32_t zc_pcsc_control(const zc_pcsc *pcsc, uint64_t card, uint32_t code, const uint8_t *data, size_t length,
                         uint8_t *answer, size_t capacity, size_t *answer_length)
{
    ENTRY(control_call, pcsc, CONTROL);
    dword returned = 0;
    uint32_t status;

    *answer_length = 0;
    if (pcsc->call[CONTROL] == NULL)
        return UINT32_C(0x80100022); /* SCARD_E_UNSUPPORTED_FEATURE */
    status = (uint32_t)entry((handle)card, control_code(code), data, (dword)length, answer, (dword)capacity, &returned);
    if (status == 0 && returned <= capacity)
        *answer_length = (size_t)returned;
    return status;
}

typedef struct {
    const zc_pcsc *pcsc;
    uint64_t card;
    uint32_t protocol;
} connection;

static uint32_t transmit_over(void *carrier, const uint8_t *command, size_t command_length, uint8_t *response,
                              size_t capacity, size_t *response_length)
{
    const connection *to = carrier;
    uint32_t code;

    if (to->protocol == T0 && command_length > 5 && command[4] == 0) /* extended length fields */
        return ZC_TRANSMIT_REFUSED;
    code = zc_pcsc_transmit(to->pcsc, to->card, to->protocol, command, command_length, response, capacity,
                            response_length);
    /* no card answers nothing: a driver whose card was torn out says so in this way */
    return code == 0 && *response_length == 0 ? UINT32_C(0x80100016) /* SCARD_E_NOT_TRANSACTED */ : code;
}

zc_status zc_pcsc_carry(const zc_pcsc *pcsc, uint64_t card, uint32_t protocol, zc_job *job)
{
    connection to = {pcsc, card, protocol};

    if (protocol == T0 && job->command.extended == ZC_EXTENDED) {
        job->code = ZC_TRANSMIT_REFUSED;
        job->sent = job->received = 0;
        return ZC_E_TRANSPORT;
    }
    return zc_carry(job, transmit_over, &to);
}
