/* SPDX-License-Identifier: Apache-2.0
 *
 * zc: the C core of zorgid_card. This header is its manual.
 *
 * Rules that hold for every function:
 *  - The caller owns every buffer; nothing is allocated but the locked pages of zc_secret_open. No function keeps a
 *    pointer after it returns, and there are no globals, so any number of threads may work on different structures.
 *  - Lengths are in bytes. A capacity is what a buffer can hold; a length is what it holds.
 *  - A function that can fail returns a zc_status: ZC_OK, ZC_MORE, or a ZC_E_... and then its out-parameters hold nothing
 *    but, where the function has one, the `offset` of the byte at which reading stopped.
 *  - Input from a card is hostile: every length is compared with what is left before it is used, by subtraction, so that
 *    no sum can wrap.
 *  - In and out buffers of one call do not overlap, unless said otherwise.
 *
 * What stands between the two "cffi" marks is read as it is by native/build_ffi.py, so the binding cannot drift from it.
 */
#ifndef ZC_H
#define ZC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* cffi: begin */

/* ---- status ---------------------------------------------------------------------------------------------------- */

typedef enum {
    ZC_OK = 0,
    ZC_MORE = 1,               /* zc_exchange_feed: another physical command is waiting in `out` */
    ZC_E_CAPACITY = -1,        /* a buffer of the caller is too small */
    ZC_E_RANGE = -2,           /* an argument is outside what the standard can express */
    ZC_E_TRUNCATED = -3,       /* the bytes end before what they announce */
    ZC_E_TRAILING = -4,        /* bytes are left after the end */
    ZC_E_TAG = -5,             /* TLV: not a tag of ISO/IEC 7816-4, or longer than four bytes */
    ZC_E_LENGTH = -6,          /* TLV: a length field that is reserved or longer than four bytes */
    ZC_E_INDEFINITE = -7,      /* TLV: indefinite length; cards and DER use definite lengths only */
    ZC_E_NOT_MINIMAL = -8,     /* TLV: DER wants the shortest length field */
    ZC_E_DEPTH = -9,           /* TLV: nested deeper than ZC_TLV_DEPTH */
    ZC_E_MISSING = -10,        /* TLV: no data object of that path */
    ZC_E_ANSWER_SHORT = -11,   /* a response APDU has at least two bytes */
    ZC_E_ANSWER_LONG = -12,    /* the card sent more than was asked for, or more than the limit */
    ZC_E_ANSWER_DATA = -13,    /* the card sent data along with 6Cxx */
    ZC_E_ENDLESS = -14,        /* 61xx without progress, or more often than ZC_EXCHANGE_GETS */
    ZC_E_FINISHED = -15,       /* the exchange has ended; it takes no further answer */
    ZC_E_WIPED = -16,          /* the secret was wiped, or this process is a fork of the one that held it */
    ZC_E_DIFFERENT = -17,      /* the two secrets differ */
    ZC_E_NOT_DIGITS = -18,     /* a byte of the secret is not an ASCII digit */
    ZC_E_MEMORY = -19,         /* the system gave no page */
    ZC_E_RANDOM = -20,         /* the system gave no random bytes */
    ZC_E_NO_TERMINAL = -21,    /* this process has no terminal */
    ZC_E_INTERRUPTED = -22,    /* Ctrl-C or a signal while reading from the terminal */
    ZC_E_END = -23,            /* Ctrl-D on an empty line, or the terminal went away */
    ZC_E_LIBRARY = -24,        /* the PC/SC library is not on this computer */
    ZC_E_SYMBOL = -25          /* a library was found, but it is not PC/SC */
} zc_status;

/* A few words on `status` for a message; static, never NULL. */
const char *zc_reason(int status);

/* ---- command and response APDUs: ISO/IEC 7816-3:2006, 12.1; ISO/IEC 7816-4:2020, 5.2 ----------------------------- */

#define ZC_COMMAND_SHORT_MAX 261   /* header 4, Lc 1, data 255, Le 1 */
#define ZC_COMMAND_MAX 65544       /* header 4, Lc 3, data 65,535, Le 2 */
#define ZC_RESPONSE_MAX 65538      /* data 65,536, SW1-SW2 */

typedef struct {
    uint8_t cla, ins, p1, p2;
    uint8_t extended;      /* not 0: the length fields are (or are to be) extended */
    uint32_t data_offset;  /* of the data field in the raw command; ignored when encoding */
    uint32_t nc;           /* bytes of command data, 0 to 65,535 */
    uint32_t ne;           /* most bytes of response data asked for, 0 (no Le field) to 65,536 */
} zc_command;

/* Read the command APDU `raw`. Le 00 gives `ne` 256 in short form, Le 0000 65,536 in extended form.
 * `offset`: where reading stopped. Fails with ZC_E_TRUNCATED, ZC_E_TRAILING or ZC_E_LENGTH (an extended Lc of 0). */
zc_status zc_command_parse(const uint8_t *raw, size_t length, zc_command *command, size_t *offset);

/* Write `command` with its `nc` bytes of `data`. Extended form is used when asked for, when `nc` > 255 or when `ne` > 256.
 * `data` may be NULL when `nc` is 0. Fails with ZC_E_RANGE or ZC_E_CAPACITY (ZC_COMMAND_MAX always suffices). */
zc_status zc_command_encode(const zc_command *command, const uint8_t *data, uint8_t *out, size_t capacity,
                            size_t *length);

/* ---- BER-TLV and DER: ISO/IEC 7816-4:2020, 6.3; X.690 8.1 and 10.1 ----------------------------------------------- */

#define ZC_TLV_DEPTH 32
#define ZC_TLV_NONE 0xFFFFFFFF
#define ZC_TLV_DER 1       /* flag: lengths must be the shortest possible */
#define ZC_TLV_PADDING 2   /* flag: skip bytes 00 and FF between data objects of the top level */
#define ZC_TLV_HEADER_MAX 9

/* One data object. `tag` is its tag field read as a big-endian number (0x7F49); offsets count from the start of the data.
 * A node's first child, if it has one, is the next node; siblings are linked by `next`. */
typedef struct {
    uint32_t tag;
    uint32_t header;  /* offset of the tag field */
    uint32_t value;   /* offset of the value field */
    uint32_t length;  /* of the value field */
    uint32_t parent;  /* index, ZC_TLV_NONE at the top level */
    uint32_t next;    /* index of the next sibling, ZC_TLV_NONE for the last */
    uint32_t depth;   /* 0 at the top level */
} zc_tlv_node;

/* What to enter. Constructed tags (bit 6) are entered unless they stand in `closed`; primitive ones only if they stand in
 * `open`. PIV needs both: its 53 is primitive and holds data objects, its 71 is constructed and holds a raw byte. */
typedef struct {
    const uint32_t *open;
    const uint32_t *closed;
    uint32_t open_count;
    uint32_t closed_count;
    uint32_t flags;
} zc_tlv_rules;

/* Index all data objects of `data` in document order into `nodes`. `count`: how many there are. When they do not fit in
 * `capacity` the answer is ZC_E_CAPACITY and `count` still holds the number needed: call again with that many.
 * `nodes` may be NULL when `capacity` is 0. `offset`: where reading stopped. `data` up to 2^32 - 2 bytes (ZC_E_RANGE). */
zc_status zc_tlv_index(const uint8_t *data, size_t length, const zc_tlv_rules *rules, zc_tlv_node *nodes,
                       size_t capacity, size_t *count, size_t *offset);

/* Find the first node at or after index `from` whose tags from the top level down are `path`; ZC_E_MISSING if none.
 * `depth` is the number of tags in `path`, at least 1. */
zc_status zc_tlv_find(const zc_tlv_node *nodes, size_t count, const uint32_t *path, size_t depth, size_t from,
                      size_t *found);

/* Write tag and shortest length field for a value of `value_length` bytes; `out` holds ZC_TLV_HEADER_MAX bytes.
 * ZC_E_TAG: `tag` is not a tag field read as a number. ZC_E_RANGE: the value is 4 GiB or longer. */
zc_status zc_tlv_header(uint32_t tag, size_t value_length, uint8_t *out, size_t *length);

/* ---- one logical command as physical ones: ISO/IEC 7816-4:2020, 5.3.3 (chaining), 5.3.4 (GET RESPONSE) ------------ */

#define ZC_EXCHANGE_GETS 1024  /* most GET RESPONSEs in one exchange */

/* The state of one exchange: a plain value, which may be copied to try something and go back. Its fields are for reading
 * only; `sw` and `received` are the outcome once zc_exchange_feed has said ZC_OK. */
typedef struct {
    zc_command command;   /* the logical command */
    uint32_t sent;        /* bytes of its data that the card has accepted */
    uint32_t part;        /* bytes of its data in the physical command under way */
    uint32_t expected;    /* Ne of the physical command under way */
    uint32_t received;    /* bytes of the answer so far */
    uint32_t limit;       /* capacity of the answer buffer */
    uint32_t bound;       /* most bytes the answer may have: the limit, or the caller's Ne */
    uint32_t gets;        /* GET RESPONSEs sent */
    uint8_t phase;        /* 0 sending the command, 1 collecting the answer, 2 finished */
    uint8_t corrected;    /* the command under way was re-issued after 6Cxx */
    uint16_t sw;
} zc_exchange;

/* Begin: write the first physical command into `out`. Data over 255 bytes go in a chain (CLA bit 5) unless
 * `command->extended`. `limit`: capacity of the answer buffer that zc_exchange_feed will be given. An `ne` of 256 or 65,536
 * means "as much as there is"; any other bounds the whole answer. `out`: ZC_COMMAND_SHORT_MAX bytes suffice unless extended. */
zc_status zc_exchange_begin(zc_exchange *exchange, const zc_command *command, const uint8_t *data, uint32_t limit,
                            uint8_t *out, size_t capacity, size_t *length);

/* Take the card's response to the command last written. ZC_MORE: the next physical command is in `out`. ZC_OK: finished;
 * `answer` holds exchange->received bytes and exchange->sw is the status word. `data` is the logical command's, as before.
 * 61xx is followed with GET RESPONSE (same CLA without the chaining bit; the interindustry class for a proprietary CLA),
 * 6Cxx by re-issuing once with the exact Le. After an error the exchange is finished. */
zc_status zc_exchange_feed(zc_exchange *exchange, const uint8_t *data, const uint8_t *response, size_t response_length,
                           uint8_t *answer, uint8_t *out, size_t capacity, size_t *length);

/* ---- secrets ------------------------------------------------------------------------------------------------------ */

#define ZC_SECRET_MAX 4080  /* one 4 KiB page less this structure's own fields */

/* A page of memory between two that fault, not swapped (mlock), not dumped and, where the system can, emptied in a forked
 * child. The contents follow in the same page; all is zero once wiped, so `alive` tells a wiped secret from a live one. */
typedef struct {
    uint64_t alive;
    uint32_t length;    /* of the contents, fixed when opened (zc_secret_read_terminal shortens it) */
    uint32_t locked;    /* 0: the system refused to lock the page (RLIMIT_MEMLOCK); everything else holds */
    uint8_t bytes[];
} zc_secret;

/* Open a secret of `length` zero bytes, at most ZC_SECRET_MAX. ZC_E_RANGE, ZC_E_MEMORY. */
zc_status zc_secret_open(uint32_t length, zc_secret **secret);

/* Wipe the contents; the memory stays mapped, so that whoever still looks sees zeros. NULL and a second time are fine. */
void zc_secret_wipe(zc_secret *secret);

/* Wipe and give the memory back. NULL is fine. */
void zc_secret_close(zc_secret *secret);

/* ZC_OK while the contents are there, ZC_E_WIPED afterwards and in a forked child. */
zc_status zc_secret_check(const zc_secret *secret);

/* Copy `length` bytes of `source` to `offset`. The caller wipes its own copy with zc_wipe. */
zc_status zc_secret_write(zc_secret *secret, uint32_t offset, const uint8_t *source, uint32_t length);

/* Copy the whole of `source` into `secret` at `offset`: how a command's template gets its PIN. */
zc_status zc_secret_insert(zc_secret *secret, uint32_t offset, const zc_secret *source);

/* Fill with random bytes of the operating system. */
zc_status zc_secret_random(zc_secret *secret);

/* Fill with random ASCII digits, each equally likely (bytes of 250 and over are drawn again). */
zc_status zc_secret_random_digits(zc_secret *secret);

/* Compare in a time that depends on the lengths only: ZC_OK or ZC_E_DIFFERENT. */
zc_status zc_secret_compare(const zc_secret *a, const zc_secret *b);

/* ZC_OK if every byte is an ASCII digit, else ZC_E_NOT_DIGITS, in a time that depends on the length only. */
zc_status zc_secret_check_digits(const zc_secret *secret);

/* Write `prompt` (UTF-8, NUL-terminated) to the terminal of this process and read one line without echo into `secret`,
 * whose length becomes the line's. Backspace and Ctrl-U edit; Ctrl-C gives ZC_E_INTERRUPTED, Ctrl-D on an empty line
 * ZC_E_END; a line longer than the secret ZC_E_CAPACITY. The terminal is restored in every case, also before a signal that
 * ends the process is delivered. On failure the secret is wiped. */
zc_status zc_secret_read_terminal(zc_secret *secret, const char *prompt);

/* Zero `length` bytes; unlike memset, the compiler keeps it. */
void zc_wipe(void *memory, size_t length);

/* ---- PC/SC: the system's smart card service, loaded at run time ---------------------------------------------------- */

#define ZC_PCSC_CALLS 11
#define ZC_PCSC_ATR_MAX 36
#define ZC_PCSC_WAIT_FOREVER 0xFFFFFFFF

/* The library and its entry points. Any number of threads may use one; a context or card serves one thread at a time. */
typedef struct {
    void *library;
    void *call[ZC_PCSC_CALLS];
} zc_pcsc;

/* Load libpcsclite.so.1, winscard.dll or PCSC.framework, or the library at `path` unless it is NULL.
 * ZC_E_LIBRARY: it is not there. ZC_E_SYMBOL: it lacks one of the calls. */
zc_status zc_pcsc_load(zc_pcsc *pcsc, const char *path);
void zc_pcsc_unload(zc_pcsc *pcsc);

/* Thin calls: each returns PC/SC's own code (0 is SCARD_S_SUCCESS, 0x801000xx an error) and blocks as PC/SC does. Names of
 * readers are NUL-terminated, in the system's encoding. */
uint32_t zc_pcsc_establish(const zc_pcsc *pcsc, uint64_t *context);
uint32_t zc_pcsc_release(const zc_pcsc *pcsc, uint64_t context);

/* All readers: names each ended by NUL, and one NUL more. With `names` NULL `length` tells how much room they take. */
uint32_t zc_pcsc_list(const zc_pcsc *pcsc, uint64_t context, char *names, uint32_t capacity, uint32_t *length);

/* Wait until the reader's state differs from `state` (0: unaware) or `milliseconds` pass; `state` becomes what it is now. */
uint32_t zc_pcsc_wait(const zc_pcsc *pcsc, uint64_t context, const char *reader, uint32_t milliseconds,
                      uint32_t *state);

/* `share`: 1 exclusive, 2 shared. `protocol`: 1 for T=0, 2 for T=1; `initialization`, `disposition`: 0 leave, 1 reset,
 * 2 power down. */
uint32_t zc_pcsc_connect(const zc_pcsc *pcsc, uint64_t context, const char *reader, uint32_t share, uint64_t *card,
                         uint32_t *protocol);
uint32_t zc_pcsc_reconnect(const zc_pcsc *pcsc, uint64_t card, uint32_t share, uint32_t initialization,
                           uint32_t *protocol);
uint32_t zc_pcsc_disconnect(const zc_pcsc *pcsc, uint64_t card, uint32_t disposition);
uint32_t zc_pcsc_begin(const zc_pcsc *pcsc, uint64_t card);
uint32_t zc_pcsc_end(const zc_pcsc *pcsc, uint64_t card, uint32_t disposition);

/* The answer to reset into `atr`, which holds ZC_PCSC_ATR_MAX bytes. */
uint32_t zc_pcsc_atr(const zc_pcsc *pcsc, uint64_t card, uint8_t *atr, uint32_t *length);

/* Send one short or (T=1) extended command APDU. Over T=0 case 1 gets its P3 and case 4 leaves its Le to GET RESPONSE
 * (ISO/IEC 7816-3:2006, 12.2); a response that does not fit `capacity` is 0x80100008. */
uint32_t zc_pcsc_transmit(const zc_pcsc *pcsc, uint64_t card, uint32_t protocol, const uint8_t *command,
                          size_t command_length, uint8_t *response, size_t capacity, size_t *response_length);

/* cffi: end */

#ifdef __cplusplus
}
#endif
#endif
