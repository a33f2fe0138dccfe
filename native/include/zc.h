/* SPDX-License-Identifier: Apache-2.0
 *
 * zc: the C core of zorgid_card. This header is its manual.
 *
 * Rules that hold for every function:
 *  - The caller owns every buffer; nothing is allocated but the locked pages of zc_secret_open. No function keeps a
 *    pointer after it returns (a zc_tlv_writer holds its caller's buffer), and there are no globals, so any number of threads
 *    may work on different structures.
 *  - Lengths are in bytes. A capacity is what a buffer can hold; a length is what it holds.
 *  - A function that can fail returns a zc_status: ZC_OK, ZC_MORE, or a ZC_E_... and then its out-parameters hold nothing
 *    but, where the function has one, the `offset` of the byte at which reading stopped.
 *  - Input from a card is hostile: every length is compared with what is left before it is used, by subtraction, so that
 *    no sum can wrap.
 *  - In and out buffers of one call do not overlap, unless said otherwise.
 *
 * To use it from C or C++: pkg-config --cflags --libs zc. Define ZC_STATIC when linking the static library on Windows.
 *
 * What stands between the two "cffi" marks is read by native/build_ffi.py (less ZC_API), so the binding cannot drift from
 * it. Every function there begins with ZC_API: nothing else is exported.
 */
#ifndef ZC_H
#define ZC_H

#include <stddef.h>
#include <stdint.h>

#if defined(ZC_STATIC)
#define ZC_API
#elif defined(_WIN32) && defined(ZC_BUILDING)
#define ZC_API __declspec(dllexport)
#elif defined(_WIN32)
#define ZC_API __declspec(dllimport)
#elif defined(__GNUC__)
#define ZC_API __attribute__((visibility("default")))
#else
#define ZC_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* cffi: begin */

/* ---- status ---------------------------------------------------------------------------------------------------- */

typedef enum {
    ZC_OK = 0,
    ZC_MORE = 1,               /* there is more: another physical command in `out`, another data object */
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
    ZC_E_SYMBOL = -25,         /* a library was found, but it is not PC/SC */
    ZC_E_HEADER = -26,         /* command APDU: fewer than the four bytes CLA INS P1 P2 */
    ZC_E_LC = -27,             /* command APDU: an extended Lc field that is cut short or 0 */
    ZC_E_DATA = -28,           /* command APDU: fewer data bytes than Lc says */
    ZC_E_LE = -29,             /* command APDU: half an extended Le field */
    ZC_E_ATR = -30,            /* not an answer to reset: TS is neither 3B nor 3F, or it is longer than 33 bytes */
    ZC_E_CHECK = -31,          /* answer to reset: the check byte TCK is wrong */
    ZC_E_MAC = -40,            /* secure messaging: a MAC is wrong or missing; the channel is closed */
    ZC_E_PADDING = -41,        /* secure messaging: authentic, but not padded as it must be; the channel is closed */
    ZC_E_CRYPTOGRAM = -42,     /* the card does not know the keys of the secure channel */
    ZC_E_PROTOCOL = -43,       /* the card answers for another secure channel protocol */
    ZC_E_CLOSED = -44,         /* the secure channel is not open, or awaits no response */
    ZC_E_TRANSPORT = -45,      /* the transport failed; zc_job.code says how */
    ZC_E_CANCELLED = -46,      /* zc_job.cancel was set */
    ZC_E_TIME = -47,           /* X.509: not a UTCTime or GeneralizedTime of RFC 5280 */
    ZC_E_SERIAL = -48,         /* X.509: a serial number that is negative or longer than 20 bytes */
    ZC_E_REASON = -49,         /* CRL: a reason that has no place in a full list, or two */
    ZC_E_CRITICAL = -50,       /* CRL: an entry with a critical extension that is not known */
    ZC_E_INDEX = -51,          /* not a revocation index, or one that was tampered with */
    ZC_E_OID = -52,            /* X.509: not an OBJECT IDENTIFIER, or one of an arc over 128 bits */
    ZC_E_TEXT = -53,           /* X.509: a string with a character that its type has not, or of a type that is not text */
    ZC_E_VALUE = -54,          /* X.509: a value that the field may not have */
    ZC_E_REPEATED = -55,       /* X.509: twice what may stand there once */
    ZC_E_ORDER = -56           /* X.509: a SET OF whose elements are not in order */
} zc_status;

/* A few words on `status` for a message; static, never NULL. */
ZC_API const char *zc_reason(int status);

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

/* Read the command APDU `raw`: case 1, 2S, 3S, 4S, 2E, 3E or 4E (ISO/IEC 7816-3:2006, 12.1.3). Le 00 gives `ne` 256 in
 * short form, Le 0000 65,536 in extended form. Which case it is follows from the lengths alone, so that a string of bytes
 * has one reading or none. Fails, with `offset` at the first byte that is wrong (the length, where one is missing):
 *   ZC_E_HEADER    fewer than four bytes
 *   ZC_E_LC        a first length byte of 00 and then one byte, or 0000 before a data field
 *   ZC_E_DATA      the data field is shorter than Lc says
 *   ZC_E_LE        the data field of an extended command is followed by one byte
 *   ZC_E_TRAILING  bytes after the Le field
 * CLA and INS are not judged: FF is a reader's own class, and an unknown instruction is the card's to refuse. */
ZC_API zc_status zc_command_parse(const uint8_t *raw, size_t length, zc_command *command, size_t *offset);

/* Write `command` with its `nc` bytes of `data`. Extended form is used when asked for, when `nc` > 255 or when `ne` > 256.
 * `data` may be NULL when `nc` is 0. Fails with ZC_E_RANGE or ZC_E_CAPACITY (ZC_COMMAND_MAX always suffices). */
ZC_API zc_status zc_command_encode(const zc_command *command, const uint8_t *data, uint8_t *out, size_t capacity,
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
ZC_API zc_status zc_tlv_index(const uint8_t *data, size_t length, const zc_tlv_rules *rules, zc_tlv_node *nodes,
                       size_t capacity, size_t *count, size_t *offset);

/* Find the first node at or after index `from` whose tags from the top level down are `path`; ZC_E_MISSING if none.
 * `depth` is the number of tags in `path`, at least 1. */
ZC_API zc_status zc_tlv_find(const zc_tlv_node *nodes, size_t count, const uint32_t *path, size_t depth, size_t from,
                      size_t *found);

/* Write tag and shortest length field for a value of `value_length` bytes; `out` holds ZC_TLV_HEADER_MAX bytes.
 * ZC_E_TAG: `tag` is not a tag field read as a number. ZC_E_RANGE: the value is 4 GiB or longer. */
ZC_API zc_status zc_tlv_header(uint32_t tag, size_t value_length, uint8_t *out, size_t *length);

/* Writes nested data objects, with the shortest lengths, into a buffer of the caller. The first failure stays in `status` and makes
 * the calls after it do nothing, so that it is enough to look at what zc_tlv_writer_end says. The fields are not for the caller. */
typedef struct {
    uint8_t *out;
    size_t capacity;
    size_t length;
    size_t open[ZC_TLV_DEPTH];   /* where the values of the objects not yet closed begin */
    uint32_t tag[ZC_TLV_DEPTH];
    uint32_t depth;
    zc_status status;
} zc_tlv_writer;

/* Begin to write into `out`, which holds `capacity` bytes. An object's header takes its place when the object is closed: no
 * room is needed but for what comes out. */
ZC_API void zc_tlv_writer_begin(zc_tlv_writer *writer, uint8_t *out, size_t capacity);

/* Open an object: what is written until zc_tlv_writer_close is its value. ZC_E_TAG, ZC_E_DEPTH. Whether `tag` is a
 * constructed one is the caller's business (PIV's 53 is not, and holds objects). */
ZC_API zc_status zc_tlv_writer_open(zc_tlv_writer *writer, uint32_t tag);

/* Write one whole object. `value` may be NULL when `length` is 0. ZC_E_TAG, ZC_E_CAPACITY, ZC_E_RANGE. */
ZC_API zc_status zc_tlv_writer_put(zc_tlv_writer *writer, uint32_t tag, const uint8_t *value, size_t length);

/* Write bytes as they are: objects made elsewhere, or a part of the value of the object that is open. ZC_E_CAPACITY. */
ZC_API zc_status zc_tlv_writer_raw(zc_tlv_writer *writer, const uint8_t *bytes, size_t length);

/* Close the object opened last. ZC_E_DEPTH: none is open. ZC_E_CAPACITY. */
ZC_API zc_status zc_tlv_writer_close(zc_tlv_writer *writer);

/* ZC_OK and the bytes written, or the first failure. ZC_E_DEPTH: an object is still open. */
ZC_API zc_status zc_tlv_writer_end(zc_tlv_writer *writer, size_t *length);

/* ---- COMPACT-TLV: ISO/IEC 7816-4:2020, 12.1.1; SIMPLE-TLV: 6.2 ---------------------------------------------------- */

/* One data object that has no others inside: offsets count from the start of the data. */
typedef struct {
    uint32_t tag;     /* COMPACT: 0 to 15, the second half of the application tag 4X; SIMPLE: 1 to 254 */
    uint32_t value;   /* offset of the value field */
    uint32_t length;  /* of the value field: COMPACT up to 15, SIMPLE up to 65,535 */
} zc_tlv_flat;

/* Read the object at `at` and move `at` behind it. ZC_MORE: `object` holds it. ZC_OK: `at` is the end, there is none.
 * ZC_E_TRUNCATED: its value is cut short; ZC_E_TAG (SIMPLE only): tag 00 or FF. `at` then stays. Begin with `at` 0. */
ZC_API zc_status zc_tlv_compact(const uint8_t *data, size_t length, size_t *at, zc_tlv_flat *object);
ZC_API zc_status zc_tlv_simple(const uint8_t *data, size_t length, size_t *at, zc_tlv_flat *object);

/* Write the header of a SIMPLE-TLV object (3 bytes for lengths of 255 and over, else 1); `out` holds 4 bytes.
 * ZC_E_TAG, ZC_E_RANGE (a value over 65,535 bytes). */
ZC_API zc_status zc_tlv_simple_header(uint32_t tag, size_t value_length, uint8_t *out, size_t *length);

/* ---- the answer to reset: ISO/IEC 7816-3:2006, 8.2; its historical bytes: ISO/IEC 7816-4:2020, 12.1.1 ------------- */

#define ZC_ATR_MAX 33          /* TS, T0 and at most 31 more; 32 after TS (7816-3, 8.2.1) */
#define ZC_ATR_INTERFACE 31    /* most interface bytes that fit */
#define ZC_ATR_UNKNOWN 0xFF    /* the card does not say */

/* An interface byte: its name is `kind` ('A', 'B', 'C', 'D') and `number` (TA1 has 1); from TA3 on, `protocol` is the T of
 * the TD before it, which says what the byte means (7816-3, 8.2.3). Before any TD it is ZC_ATR_UNKNOWN. */
typedef struct {
    uint8_t kind, number, protocol, value;
} zc_atr_byte;

typedef struct {
    uint32_t protocols;         /* bit t is set when the card offers T=t; T=15 is none. Without TD1: T=0 alone */
    uint8_t first;              /* the protocol offered first, 0 to 14 */
    uint8_t inverse;            /* TS is 3F: inverse convention */
    uint8_t checked;            /* there is a TCK, and it is right */
    uint8_t interface_count;
    uint8_t historical_offset;
    uint8_t historical_length;  /* 0 to 15 */
    uint8_t extended_length;    /* card capabilities, third byte, bit 7: 0, 1 or ZC_ATR_UNKNOWN */
    uint8_t chaining;           /* its bit 8: command chaining */
    zc_atr_byte interface_bytes[ZC_ATR_INTERFACE];
} zc_atr;

/* Read the answer to reset `raw`. The check byte TCK must be there, and right, unless T=0 alone is offered (7816-3, 8.2.5).
 * The capabilities come from tag 7 (73 in short) of historical bytes that are COMPACT-TLV: category 00, whose last three
 * bytes are a status, or 80. Historical bytes of the card's own making, and such as are cut short, say nothing; they are not
 * an error, since cards in the field have them. `offset`: the first byte that is wrong, or the length where one is missing.
 * ZC_E_ATR, ZC_E_TRUNCATED, ZC_E_TRAILING, ZC_E_CHECK. */
ZC_API zc_status zc_atr_parse(const uint8_t *raw, size_t length, zc_atr *atr, size_t *offset);

/* ---- one logical command as physical ones: ISO/IEC 7816-4:2020, 5.3.3 (chaining), 5.3.4 (GET RESPONSE) ------------ */

#define ZC_EXCHANGE_GETS 1024  /* most GET RESPONSEs in one exchange */

/* What zc_command.extended asks of an exchange. */
#define ZC_SHORT 0     /* short length fields; data over 255 bytes go in a chain */
#define ZC_EXTENDED 1  /* extended length fields, whatever the lengths; no way back */
#define ZC_EITHER 2    /* extended if the data exceed 255 bytes or Ne 256; back to short if card or reader refuses */

/* A secure channel (below): with one, a command is wrapped before it is cut into physical ones, and its answer unwrapped. */
typedef struct zc_secure zc_secure;

/* The state of one exchange, of a fixed size and without pointers: a plain value, which may be copied to try something and
 * go back, or kept and taken up later with the same data and answer. Its fields are for reading only; `sw` and `received`
 * are the outcome once zc_exchange_feed has said ZC_OK.
 *
 *   phase       the card answers                        then
 *   sending     9000, parts of the chain are left       sending the next part
 *   sending     else, parts are left                    finished with that status word
 *   sending     6700 without data, ZC_EITHER, extended  sending anew in short form, from the first byte on (once)
 *   sending     6Cxx without data, last part, Le sent   sending the same part with Le = xx (once)
 *   sending     61xx, last part                         collecting: GET RESPONSE with Le = xx
 *   collecting  61xx with data                          collecting: GET RESPONSE with Le = xx
 *   collecting  6Cxx without data                       collecting: the same GET RESPONSE with Le = xx (once each)
 *   either      any other status word                   finished with that status word; secured, the answer is unwrapped
 *   either      an answer that breaks a bound           finished with an error
 */
typedef struct {
    zc_command command;   /* the logical command, as wrapped where it is secured */
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
    uint8_t form;         /* of the commands: ZC_SHORT, ZC_EXTENDED, or ZC_EITHER while still extended with a way back */
    uint8_t fell_back;    /* extended form was refused: the caller may spare the next exchange the attempt */
    uint8_t secured;      /* begun by zc_exchange_begin_secure */
} zc_exchange;

/* Begin: write the first physical command into `out`. The case follows from `nc` and `ne` (no Lc field without data, no Le
 * field without `ne`; within a chain only the last part has Le), the length form from `command->extended`: ZC_SHORT,
 * ZC_EXTENDED or ZC_EITHER. In short form Le is 00 for an `ne` over 256, and GET RESPONSE brings the rest.
 * `limit`: capacity of the answer buffer that zc_exchange_feed will be given. An `ne` of 256 or 65,536 means "as much as
 * there is"; any other bounds the whole answer. `out`: ZC_COMMAND_SHORT_MAX bytes suffice in short form, `nc` and 10 more in
 * extended form, the larger of both for ZC_EITHER. ZC_E_RANGE: `nc` over 65,535, `ne` over 65,536, another `extended`. */
ZC_API zc_status zc_exchange_begin(zc_exchange *exchange, const zc_command *command, const uint8_t *data, uint32_t limit,
                            uint8_t *out, size_t capacity, size_t *length);

/* The same under secure messaging: `command` is wrapped first, its `nc` bytes of `data` replaced by the wrapped ones.
 * `data_capacity`: nc + ZC_SM_OVERHEAD. `capacity` of `out`: ZC_COMMAND_SHORT_MAX, and `nc` more unless in short form. The answer
 * buffer holds the wrapped answer. A copy of the exchange still counts in the one channel: it is to be taken up once.
 * ZC_E_CAPACITY, ZC_E_CLOSED, ZC_E_RANGE: nothing is changed. */
ZC_API zc_status zc_exchange_begin_secure(zc_exchange *exchange, zc_secure *secure, const zc_command *command, uint8_t *data,
                            size_t data_capacity, uint32_t limit, uint8_t *out, size_t capacity, size_t *length);

/* Take the card's response to the command last written. `secure`: the channel it was begun with, or NULL. ZC_MORE: the next physical command is in `out`. ZC_OK: finished;
 * `answer` holds exchange->received bytes and exchange->sw is the status word. `data` is the logical command's, as before.
 * `response` may stand where its data are to go, at `answer` + exchange->received, if `answer` has room for SW1-SW2 too.
 * 61xx is followed with GET RESPONSE (interindustry class, the command's logical channel, never secure messaging),
 * 6Cxx by re-issuing once with the exact Le (ISO/IEC 7816-4:2020, 5.6), 6700 to an extended command that need not be one in
 * short form: a card that answers it has checked lengths only and done nothing. After an error the exchange is finished:
 *   ZC_E_ANSWER_SHORT  fewer than the two bytes SW1-SW2
 *   ZC_E_ANSWER_LONG   more data than Le asked for, than the caller's Ne in all, or than `limit`
 *   ZC_E_ANSWER_DATA   data along with 6Cxx
 *   ZC_E_ENDLESS       61xx that brings nothing, or more than ZC_EXCHANGE_GETS of them
 *   ZC_E_CAPACITY      `out` is too small for the next command
 *   ZC_E_FINISHED      the exchange had ended before
 *   ZC_E_MAC, ZC_E_PADDING, ZC_E_ANSWER_LONG, ZC_E_CLOSED   what zc_secure_unwrap says of the whole answer; `received` is 0
 * An error before the answer is whole leaves a channel open; the next command takes its place in it. */
ZC_API zc_status zc_exchange_feed(zc_exchange *exchange, zc_secure *secure, const uint8_t *data, const uint8_t *response,
                           size_t response_length, uint8_t *answer, uint8_t *out, size_t capacity, size_t *length);

/* The reader refused the extended command in `out`, so that it never reached the card: ZC_MORE, and its short form is in
 * `out`. Only for a refusal that is certain (a length limit): after any other transport error nothing is to be sent again.
 * ZC_E_RANGE: there is no short form to go back to, or the card has answered already. ZC_E_FINISHED, ZC_E_CAPACITY. */
ZC_API zc_status zc_exchange_refused(zc_exchange *exchange, const uint8_t *data, uint8_t *out, size_t capacity,
                                     size_t *length);

/* ---- secrets ------------------------------------------------------------------------------------------------------ */

#define ZC_SECRET_MAX 4080  /* one 4 KiB page less this structure's own fields */

/* A page of memory between two that fault, not swapped (mlock), not dumped and, where the system can, emptied in a forked
 * child. The contents follow in the same page; all is zero once wiped, so `alive` tells a wiped secret from a live one. */
typedef struct {
    uint64_t alive;
    uint32_t length;    /* of the contents, fixed when opened (zc_secret_read_terminal shortens it) */
    uint32_t locked;    /* 0: the system refused to lock the page (RLIMIT_MEMLOCK); everything else holds */
    uint8_t bytes[ZC_SECRET_MAX];
} zc_secret;

/* Open a secret of `length` zero bytes, at most ZC_SECRET_MAX. ZC_E_RANGE, ZC_E_MEMORY. */
ZC_API zc_status zc_secret_open(uint32_t length, zc_secret **secret);

/* Wipe the contents; the memory stays mapped, so that whoever still looks sees zeros. NULL and a second time are fine. */
ZC_API void zc_secret_wipe(zc_secret *secret);

/* Wipe and give the memory back. NULL is fine. */
ZC_API void zc_secret_close(zc_secret *secret);

/* ZC_OK while the contents are there, ZC_E_WIPED afterwards and in a forked child. */
ZC_API zc_status zc_secret_check(const zc_secret *secret);

/* Copy `length` bytes of `source` to `offset`. The caller wipes its own copy with zc_wipe. */
ZC_API zc_status zc_secret_write(zc_secret *secret, uint32_t offset, const uint8_t *source, uint32_t length);

/* Copy the whole of `source` into `secret` at `offset`: how a command's template gets its PIN. */
ZC_API zc_status zc_secret_insert(zc_secret *secret, uint32_t offset, const zc_secret *source);

/* Fill with random bytes of the operating system. */
ZC_API zc_status zc_secret_random(zc_secret *secret);

/* Fill with random ASCII digits, each equally likely (bytes of 250 and over are drawn again). */
ZC_API zc_status zc_secret_random_digits(zc_secret *secret);

/* Compare in a time that depends on the lengths only: ZC_OK or ZC_E_DIFFERENT. */
ZC_API zc_status zc_secret_compare(const zc_secret *a, const zc_secret *b);

/* The same for `length` bytes of two buffers of the caller. */
ZC_API zc_status zc_compare(const uint8_t *a, const uint8_t *b, size_t length);

/* ZC_OK if every byte is an ASCII digit, else ZC_E_NOT_DIGITS, in a time that depends on the length only. */
ZC_API zc_status zc_secret_check_digits(const zc_secret *secret);

/* Write `prompt` (UTF-8, NUL-terminated) to the terminal of this process and read one line without echo into `secret`,
 * whose length becomes the line's. Backspace and Ctrl-U edit; Ctrl-C gives ZC_E_INTERRUPTED, Ctrl-D on an empty line
 * ZC_E_END; a line longer than the secret ZC_E_CAPACITY. The terminal is restored in every case, also before a signal that
 * ends the process is delivered. On failure the secret is wiped. */
ZC_API zc_status zc_secret_read_terminal(zc_secret *secret, const char *prompt);

/* Zero `length` bytes; unlike memset, the compiler keeps it. */
ZC_API void zc_wipe(void *memory, size_t length);

/* ---- a whole logical command in one call ------------------------------------------------------------------------- */

#define ZC_TRANSMIT_REFUSED 0xFFFFFFFF  /* a zc_transmit's code: too long for this reader or protocol, nothing was sent */
#define ZC_WORK_SHORT 1024

/* Carry one physical command to the card: put the response into `response`, its length into `response_length`, and return 0;
 * or return the transport's own code for what went wrong. It sends the command once. `carrier` is the caller's own. */
typedef uint32_t (*zc_transmit)(void *carrier, const uint8_t *command, size_t command_length, uint8_t *response,
                                size_t capacity, size_t *response_length);

/* Where in the command data a secret goes: from `offset` on, for its length. */
typedef struct {
    const zc_secret *secret;
    uint32_t offset;
} zc_fill;

/* A logical command, and what came of it. */
typedef struct {
    zc_command command;
    const uint8_t *data;     /* command.nc bytes; with `fills`, the template */
    const zc_fill *fills;    /* may be NULL when there are none */
    uint32_t fill_count;
    uint32_t limit;          /* capacity of `answer` */
    uint8_t *answer;
    uint8_t *work;           /* room for a physical command and a response; see zc_work_size */
    size_t work_size;
    zc_secure *secure;       /* NULL, or the channel under which the command goes */
    const uint32_t *cancel;  /* NULL, or a flag that another thread sets to anything but 0 to stop */
    uint32_t code;           /* out: what the transport said last, 0 if nothing is wrong with it */
    uint32_t sent;           /* out: physical commands given to the transport */
    uint32_t received;       /* out: bytes in `answer` */
    uint16_t sw;             /* out: the last status word */
    uint8_t fell_back;       /* out: extended form was refused, see zc_exchange */
} zc_job;

/* The work room that a job needs; its command, fill_count and secure count. Short form without a channel: ZC_WORK_SHORT. */
ZC_API size_t zc_work_size(const zc_job *job);

/* Carry a logical command to its end (zc_exchange_begin, then zc_exchange_feed for each response).
 *  - After an error of the transport nothing is sent again, whatever the command was: ZC_E_TRANSPORT, and `code`. The one
 *    exception is ZC_TRANSMIT_REFUSED to an extended command that has a short form, for it was never sent.
 *  - `cancel` is looked at before the first command and before each GET RESPONSE, never inside a chain of commands nor
 *    before a command is re-issued with the right Le: ZC_E_CANCELLED, and `sent` tells whether the card got anything. Under
 *    secure messaging it is looked at before the command is wrapped only: the answer's MAC counts in the channel.
 *  - With `fills` the command is put together, and wrapped, in a locked page of its own, which is wiped before this returns;
 *    it needs room for the data (with ZC_SM_OVERHEAD) and one physical command. ZC_E_RANGE: it, or a secret its template, does not fit. ZC_E_WIPED.
 * Besides: what zc_exchange_begin or zc_exchange_begin_secure, and zc_exchange_feed fail with. ZC_E_CAPACITY: `work` is too small. */
ZC_API zc_status zc_carry(zc_job *job, zc_transmit transmit, void *carrier);

/* ---- PIN blocks ---------------------------------------------------------------------------------------------------- */

#define ZC_PIN_BLOCK 8          /* bytes of a block of SP 800-73 and of ISO 9564-1 format 2 */
#define ZC_PIN_FORMAT_2_MIN 4
#define ZC_PIN_FORMAT_2_MAX 12

/* The PIN's characters, then `filler` up to `width` bytes: with FF and ZC_PIN_BLOCK the block of SP 800-73-5 part 2, 2.4.3. `block`
 * is a secret. ZC_E_RANGE: no characters, or more than `width`. */
ZC_API zc_status zc_pin_pad(const uint8_t *pin, size_t length, uint8_t filler, uint8_t *block, size_t width);

/* ISO 9564-1:2017, 9.3.3, format 2, as PC/SC part 10 has readers build it: the nibbles 2, the length, a digit each, and F. `block`
 * holds ZC_PIN_BLOCK bytes and is a secret. ZC_E_RANGE: not 4 to 12 characters. ZC_E_NOT_DIGITS: a character is no ASCII digit;
 * the block is of no use then. */
ZC_API zc_status zc_pin_format_2(const uint8_t *pin, size_t length, uint8_t *block);

/* ---- AES: FIPS 197; CBC: SP 800-38A, 6.2; CMAC: SP 800-38B; key derivation: SP 800-108 ----------------------------- */

#define ZC_AES_PORTABLE 1  /* flag: leave the processor's AES instructions alone (to test, or to compare) */
#define ZC_KDF_MAX 64      /* most bytes that zc_kdf_counter derives at once */

/* An expanded key: a plain value, and a secret one. Whoever has done with it wipes it with zc_wipe. */
typedef struct {
    uint32_t rounds;    /* 10, 12 or 14 */
    uint32_t chip;      /* not 0: computed by the processor's instructions; else in bit slices, in constant time as well */
    uint8_t keys[240];
} zc_aes;

/* 1 if this processor has AES instructions that the library uses (AES-NI, ARMv8 Cryptography Extension), else 0. */
ZC_API int zc_aes_hardware(void);

/* Expand a key of 16, 24 or 32 bytes (ZC_E_RANGE). `flags`: 0 or ZC_AES_PORTABLE. */
ZC_API zc_status zc_aes_init(zc_aes *aes, const uint8_t *key, size_t key_length, uint32_t flags);

/* The bare cipher on each of `blocks` blocks of 16 bytes. `in` and `out` may be the same buffer. */
ZC_API void zc_aes_encrypt(const zc_aes *aes, const uint8_t *in, uint8_t *out, size_t blocks);
ZC_API void zc_aes_decrypt(const zc_aes *aes, const uint8_t *in, uint8_t *out, size_t blocks);

/* Cipher block chaining. `chain`: 16 bytes, first the initialization vector, then the last block of cipher text, so that a
 * message may come in parts. `in` and `out` may be the same buffer; zc_aes_cbc_encrypt takes NULL for `out` when only the
 * chain is wanted. */
ZC_API void zc_aes_cbc_encrypt(const zc_aes *aes, uint8_t *chain, const uint8_t *in, uint8_t *out, size_t blocks);
ZC_API void zc_aes_cbc_decrypt(const zc_aes *aes, uint8_t *chain, const uint8_t *in, uint8_t *out, size_t blocks);

/* A CMAC under way; the message comes in parts of any length. */
typedef struct {
    uint8_t chain[16];
    uint8_t last[16];
    uint32_t held;      /* bytes in `last` */
} zc_cmac;

ZC_API void zc_cmac_begin(zc_cmac *cmac);
ZC_API void zc_cmac_update(zc_cmac *cmac, const zc_aes *aes, const uint8_t *data, size_t length);

/* Write the tag, 16 bytes; the leftmost are the tag of a shorter one. The structure is wiped. */
ZC_API void zc_cmac_end(zc_cmac *cmac, const zc_aes *aes, uint8_t *tag);

/* Derive `length` bytes, 1 to ZC_KDF_MAX (ZC_E_RANGE): counter mode with CMAC as SCP03 has it, each block the CMAC of eleven
 * bytes 00, `constant`, 00, the length in bits (2 bytes), the counter (1) and the context (GlobalPlatform Amendment D, 4.1.5). */
ZC_API zc_status zc_kdf_counter(const zc_aes *aes, uint8_t constant, const uint8_t *context, size_t context_length,
                                uint8_t *out, size_t length);

/* ---- GlobalPlatform SCP03: Card Specification 2.3, Amendment D, version 1.2 (and 1.1 with S8) ------------------------ */

#define ZC_SCP03_C_MAC 0x01         /* security level: bits of P1 of EXTERNAL AUTHENTICATE (7.1.2.1) */
#define ZC_SCP03_C_DECRYPTION 0x02
#define ZC_SCP03_R_MAC 0x10
#define ZC_SCP03_R_ENCRYPTION 0x20
#define ZC_SCP03_UPDATE_MAX 48      /* the longest answer to INITIALIZE UPDATE */
#define ZC_SCP03_AUTHENTICATE_MAX 37
#define ZC_SM_OVERHEAD 64           /* most bytes by which secure messaging lengthens a data field, either protocol */

/* One secure channel, off-card end: a plain value without pointers, which may be copied to another buffer but used from one
 * copy only, since both directions count. It holds session keys: keep it in a locked page, wipe it when done. All zero, it is
 * a closed channel. Fields are for reading only. */
typedef struct {
    zc_aes enc, mac, rmac;   /* S-ENC, S-MAC, S-RMAC */
    uint64_t counter;        /* of the last command wrapped (6.2.6) */
    uint8_t chain[16];       /* MAC chaining value (6.2.3) */
    uint8_t host[16];        /* host cryptogram, until it is sent */
    uint32_t ne;             /* of the command whose response is awaited */
    uint8_t size;            /* of challenges, cryptograms and MACs: 8 (S8 mode) or 16 (S16 mode) */
    uint8_t level;           /* ZC_SCP03_... bits, 0 before EXTERNAL AUTHENTICATE */
    uint8_t phase;           /* 0 closed, 1 cryptograms verified, 2 open */
    uint8_t awaiting;        /* a command was wrapped and its response not unwrapped yet */
} zc_scp03;

/* Derive the session keys of both challenges, of `size` bytes each (8 or 16), and compute the two cryptograms, `size` bytes
 * each (6.2.1, 6.2.2): what either end of a channel needs. `enc` and `mac` are the static keys of `key_length` bytes, 16, 24
 * or 32. `flags` as for zc_aes_init. ZC_E_RANGE. The channel is not open. */
ZC_API zc_status zc_scp03_derive(zc_scp03 *channel, const uint8_t *enc, const uint8_t *mac, size_t key_length,
                                 uint32_t flags, const uint8_t *host_challenge, const uint8_t *card_challenge, size_t size,
                                 uint8_t *card_cryptogram, uint8_t *host_cryptogram);

/* Take the data of the answer to INITIALIZE UPDATE (7.1.1.6): key diversification data 10, key version, protocol identifier
 * 03, parameter i, card challenge, card cryptogram, and with a pseudo-random challenge the sequence counter 3. `size` is that of
 * the host challenge sent, which chooses S8 or S16 mode. ZC_E_TRUNCATED, ZC_E_TRAILING: another length. ZC_E_PROTOCOL: not
 * SCP03. ZC_E_CRYPTOGRAM: the card does not know the keys (a real card's may count wrong keys: do not try others). */
ZC_API zc_status zc_scp03_begin(zc_scp03 *channel, const uint8_t *enc, const uint8_t *mac, size_t key_length,
                                uint32_t flags, const uint8_t *host_challenge, size_t size, const uint8_t *update,
                                size_t update_length);

/* Write EXTERNAL AUTHENTICATE (7.1.2) with the host cryptogram and its C-MAC; `out` holds ZC_SCP03_AUTHENTICATE_MAX bytes.
 * `level`: 01, 03, 11, 13 or 33 (table 7-4); others are ZC_E_RANGE. From here on the channel is open: a card that does not
 * answer 9000 (its answer has no MAC) is to be given up with zc_scp03_close. */
ZC_API zc_status zc_scp03_authenticate(zc_scp03 *channel, uint8_t level, uint8_t *out, size_t *length);

/* Wrap one logical command (6.2.4, 6.2.6): `command` becomes the wrapped one, its data in `data` are replaced. `capacity` of
 * `data`: nc + ZC_SM_OVERHEAD. The C-MAC covers the length field that will be sent: three bytes if ZC_EXTENDED or if the wrapped
 * data exceed 255 bytes (also when they then go as a chain); ZC_EITHER becomes ZC_SHORT where they do not. With R-MAC, `ne`
 * becomes the most that the form allows. A class with chaining is wrapped as it is: some cards want each command of a chain
 * wrapped by itself.
 * ZC_E_CLOSED. ZC_E_RANGE: a class with secure messaging or more than four channels, or too much data; ZC_E_CAPACITY;
 * nothing is changed then. */
ZC_API zc_status zc_scp03_wrap(zc_scp03 *channel, zc_command *command, uint8_t *data, size_t capacity);

/* Unwrap the response to the command wrapped last (6.2.5, 6.2.7), in place: `length` becomes that of the plain data. 9000, 62xx
 * and 63xx have an R-MAC even without data; any other status word comes bare, and nobody vouches for it. ZC_E_MAC, ZC_E_PADDING:
 * the channel is closed, its keys wiped. ZC_E_ANSWER_LONG: authentic, but more than the command's `ne` (without R-MAC the length is
 * for whoever sent the command to judge). ZC_E_CLOSED: no
 * response is awaited. On failure `data` is wiped and `length` 0. */
ZC_API zc_status zc_scp03_unwrap(zc_scp03 *channel, uint8_t *data, size_t *length, uint16_t sw);

/* Wipe the session keys. */
ZC_API void zc_scp03_close(zc_scp03 *channel);

/* ---- PIV secure messaging: SP 800-73-5 part 2, 4; ISO/IEC 7816-4:2020, 10 -------------------------------------------- */

#define ZC_PIV_CS2 0x27   /* cipher suites, as P1 of GENERAL AUTHENTICATE: P-256, SHA-256, AES-128 */
#define ZC_PIV_CS7 0x2E   /* P-384, SHA-384, AES-256 */

/* What both parties know after ECDH (4.1.1, 4.1.2). The pointers are read during the call only. */
typedef struct {
    uint8_t suite;              /* ZC_PIV_CS2 or ZC_PIV_CS7 */
    uint8_t host_control;       /* CB_H */
    uint8_t card_control;       /* CB_ICC */
    const uint8_t *secret;      /* Z: the x-coordinate that ECDH gives, 32 or 48 bytes */
    const uint8_t *host_id;     /* ID_sH, 8 bytes */
    const uint8_t *host_point;  /* Q_eH, uncompressed: 04 and 64 or 96 bytes */
    const uint8_t *card_id;     /* ID_sICC, 8 bytes: the left ones of the SHA-256 of the card verifiable certificate */
    const uint8_t *nonce;       /* N_ICC, 16 or 24 bytes */
} zc_piv_parties;

/* One session, host side: as zc_scp03, a plain value that holds session keys and counts. All zero, it is closed. */
typedef struct {
    zc_aes enc, mac, rmac;       /* SK_ENC, SK_MAC, SK_RMAC */
    uint64_t counter;            /* of the last command wrapped (4.2.2) */
    uint8_t command_chain[16];   /* MAC chaining values (4.2.3) */
    uint8_t response_chain[16];
    uint32_t ne;                 /* of the command whose response is awaited */
    uint8_t phase;               /* 0 closed, 1 open */
    uint8_t awaiting;
} zc_piv;

/* Derive the session keys (4.1.6) and compute the card's authentication cryptogram, 16 bytes (4.1.7): what either end needs. The
 * channel is open. ZC_E_RANGE: another suite. */
ZC_API zc_status zc_piv_derive(zc_piv *channel, const zc_piv_parties *parties, uint32_t flags, uint8_t *cryptogram);

/* The same for the host, with the cryptogram that the card sent: ZC_E_CRYPTOGRAM leaves the channel closed. That the card's
 * certificate is to be trusted is for the caller to know. */
ZC_API zc_status zc_piv_begin(zc_piv *channel, const zc_piv_parties *parties, uint32_t flags, const uint8_t *cryptogram);

/* Wrap one logical command of class 00 in place (4.2.2, 4.2.3): as zc_scp03_wrap. An `ne` over 255 is asked for as 00. */
ZC_API zc_status zc_piv_wrap(zc_piv *channel, zc_command *command, uint8_t *data, size_t capacity);

/* Unwrap the response to the command wrapped last, in place (4.2.2, 4.2.5): `length` becomes that of the plain data, `sw` the
 * protected status word. A response without data that is not 9000 is the card's refusal of the message as such: ZC_OK, nobody
 * vouches for `sw`, and the channel is closed, as it is by ZC_E_MAC and ZC_E_PADDING. ZC_E_ANSWER_LONG, ZC_E_CLOSED: as
 * zc_scp03_unwrap. */
ZC_API zc_status zc_piv_unwrap(zc_piv *channel, uint8_t *data, size_t *length, uint16_t *sw);

/* Wipe the session keys. */
ZC_API void zc_piv_close(zc_piv *channel);

/* ---- either of them, as an exchange takes it ------------------------------------------------------------------------ */

#define ZC_SECURE_SCP03 1
#define ZC_SECURE_PIV 2

/* Set `kind`, then begin the channel in its place. All zero, it is a closed channel. One thread at a time works with it; `busy` and
 * `doomed` are the caller's, to see to that, and no function here looks at them. */
struct zc_secure {
    uint32_t kind;   /* ZC_SECURE_SCP03 or ZC_SECURE_PIV */
    uint16_t busy;
    uint16_t doomed;
    union {
        zc_scp03 scp03;
        zc_piv piv;
    } of;
};

/* zc_scp03_wrap or zc_piv_wrap; zc_scp03_unwrap, which leaves `sw` as it is, or zc_piv_unwrap. */
ZC_API zc_status zc_secure_wrap(zc_secure *secure, zc_command *command, uint8_t *data, size_t capacity);
ZC_API zc_status zc_secure_unwrap(zc_secure *secure, uint8_t *data, size_t *length, uint16_t *sw);

/* ---- PC/SC: the system's smart card service, loaded at run time ---------------------------------------------------- */

#define ZC_PCSC_CALLS 13
#define ZC_PCSC_ATR_MAX 36
#define ZC_PCSC_SLOTS_MAX 16
#define ZC_PCSC_WAIT_FOREVER 0xFFFFFFFF

/* The library and its entry points. Any number of threads may use one; a context or card serves one thread at a time. */
typedef struct {
    void *library;
    void *call[ZC_PCSC_CALLS];
} zc_pcsc;

/* Load libpcsclite.so.1, winscard.dll or PCSC.framework, or the library at `path` unless it is NULL.
 * ZC_E_LIBRARY: it is not there. ZC_E_SYMBOL: it lacks one of the calls (it may lack SCardControl). */
ZC_API zc_status zc_pcsc_load(zc_pcsc *pcsc, const char *path);
ZC_API void zc_pcsc_unload(zc_pcsc *pcsc);

/* Thin calls: each returns PC/SC's own code (0 is SCARD_S_SUCCESS, 0x801000xx an error) and blocks as PC/SC does. Names of
 * readers are NUL-terminated, in the system's encoding. */
ZC_API uint32_t zc_pcsc_establish(const zc_pcsc *pcsc, uint64_t *context);
ZC_API uint32_t zc_pcsc_release(const zc_pcsc *pcsc, uint64_t context);

/* All readers: names each ended by NUL, and one NUL more. With `names` NULL `length` tells how much room they take. */
ZC_API uint32_t zc_pcsc_list(const zc_pcsc *pcsc, uint64_t context, char *names, uint32_t capacity, uint32_t *length);

/* A reader that is waited for, or \\?PnP?\Notification for readers that come and go. `state`: what the caller knows (SCARD_STATE_*,
 * 0: nothing), then what PC/SC says; its high word counts the cards that came and went, where the platform counts them. */
typedef struct {
    const char *reader;
    uint32_t state;
    uint32_t atr_length;
    uint8_t atr[ZC_PCSC_ATR_MAX];
} zc_pcsc_slot;

/* Wait until the state of one of `count` slots, ZC_PCSC_SLOTS_MAX at most, differs from what its caller knows, or `milliseconds`
 * pass (0x8010000A), or zc_pcsc_cancel (0x80100002). Whatever is not 0 leaves the slots as they are. */
ZC_API uint32_t zc_pcsc_wait(const zc_pcsc *pcsc, uint64_t context, zc_pcsc_slot *slots, uint32_t count,
                      uint32_t milliseconds);

/* End the wait that another thread has under way in this context. One that is about to begin is not ended: repeat the call until
 * the other thread has heard it. */
ZC_API uint32_t zc_pcsc_cancel(const zc_pcsc *pcsc, uint64_t context);

/* `share`: 1 exclusive, 2 shared. `protocol`: 1 for T=0, 2 for T=1; `initialization`, `disposition`: 0 leave, 1 reset,
 * 2 power down. */
ZC_API uint32_t zc_pcsc_connect(const zc_pcsc *pcsc, uint64_t context, const char *reader, uint32_t share, uint64_t *card,
                         uint32_t *protocol);
ZC_API uint32_t zc_pcsc_reconnect(const zc_pcsc *pcsc, uint64_t card, uint32_t share, uint32_t initialization,
                           uint32_t *protocol);
ZC_API uint32_t zc_pcsc_disconnect(const zc_pcsc *pcsc, uint64_t card, uint32_t disposition);
ZC_API uint32_t zc_pcsc_begin(const zc_pcsc *pcsc, uint64_t card);
ZC_API uint32_t zc_pcsc_end(const zc_pcsc *pcsc, uint64_t card, uint32_t disposition);

/* The answer to reset into `atr`, which holds ZC_PCSC_ATR_MAX bytes. */
ZC_API uint32_t zc_pcsc_atr(const zc_pcsc *pcsc, uint64_t card, uint8_t *atr, uint32_t *length);

/* Send one short or (T=1) extended command APDU. Over T=0 case 1 gets its P3 and case 4 leaves its Le to GET RESPONSE
 * (ISO/IEC 7816-3:2006, 12.2); a response that does not fit `capacity` is 0x80100008. */
ZC_API uint32_t zc_pcsc_transmit(const zc_pcsc *pcsc, uint64_t card, uint32_t protocol, const uint8_t *command,
                          size_t command_length, uint8_t *response, size_t capacity, size_t *response_length);

/* Ask the reader itself (SCardControl). `code` is a number of PC/SC part 10, up to 0xFFF, which is made the platform's own
 * control code (3400 asks for the features), or a control code as the reader told it. 0x80100022 where the library has no such
 * call. */
ZC_API uint32_t zc_pcsc_control(const zc_pcsc *pcsc, uint64_t card, uint32_t code, const uint8_t *data, size_t length,
                         uint8_t *answer, size_t capacity, size_t *answer_length);

/* Carry a whole logical command (zc_carry) over PC/SC. Over T=0 extended commands are ZC_TRANSMIT_REFUSED; one that has no short form
 * to go back to is so before it is wrapped. */
ZC_API zc_status zc_pcsc_carry(const zc_pcsc *pcsc, uint64_t card, uint32_t protocol, zc_job *job);

/* ---- the revocation index: RFC 5280, 5 ----------------------------------------------------------------------------- */

/* The revoked certificates of one CRL, ready to be looked up in constant memory, and as it is in a file that is mapped.
 * Numbers are little-endian.
 *
 *   offset       bytes        what
 *   0            8            "ZCREVOK1"
 *   8            4            n, the number of records
 *   12           4            b, at most 27
 *   16           16           00
 *   32           32 n         records: serial number (20, big-endian), reason (1), 00 (3), seconds since 1970 (8, signed)
 *   32 + 32 n    4 (2^b + 1)  the record at which each bucket begins; the last number is n
 *
 * A serial is in the bucket of b bits that a fixed function spreads it over (revoked.c); within a bucket records ascend by
 * serial, so that serials chosen to share a bucket cost a binary search at worst. No serial stands there twice.
 * The index says what the CRL says: whether that is true is a matter of the CRL's signature and of who can write the file. */
typedef struct {
    int64_t since;       /* revocationDate, seconds since 1970-01-01T00:00:00Z */
    uint8_t serial[20];  /* big-endian */
    uint8_t reason;      /* CRLReason (5.3.1): 0 to 6, 9 or 10, of a delta 8 too; 0 when the entry has none */
} zc_revoked;

/* The capacity that zc_revoked_build needs for a CRL of `length` bytes; 0 if that is too long for one. */
ZC_API size_t zc_revoked_room(size_t length);

/* Build the index of a whole CRL (CertificateList, DER) in `out`, in one pass over it; `index_length` bytes of `out` are the
 * index. Of two entries for one serial the one for good counts before certificateHold, that before removeFromCRL, then the earlier
 * one. Issuer, signature and crlExtensions are left to whoever verifies them, but for deltaCRLIndicator (5.2.4).
 * ZC_E_TAG, ZC_E_LENGTH, ZC_E_NOT_MINIMAL, ZC_E_TRUNCATED, ZC_E_TRAILING: not DER, or not a CertificateList. ZC_E_TIME.
 * ZC_E_SERIAL. ZC_E_REASON: among them removeFromCRL in a list without deltaCRLIndicator. ZC_E_CRITICAL. ZC_E_RANGE. ZC_E_CAPACITY. */
ZC_API zc_status zc_revoked_build(const uint8_t *crl, size_t length, uint8_t *out, size_t capacity, size_t *index_length);

/* Check every byte of an index that was kept elsewhere: ZC_OK or ZC_E_INDEX. */
ZC_API zc_status zc_revoked_check(const uint8_t *index, size_t length);

/* Look up a serial number, big-endian; leading zeros do not count. ZC_E_MISSING: not revoked. ZC_E_INDEX. The index was
 * checked before; should the file have changed since, the answer is wrong but nothing outside of it is read. */
ZC_API zc_status zc_revoked_find(const uint8_t *index, size_t length, const uint8_t *serial, size_t serial_length,
                                 zc_revoked *entry);

/* The record at `position`, 0 to n - 1. ZC_E_MISSING: there are fewer. ZC_E_INDEX. */
ZC_API zc_status zc_revoked_at(const uint8_t *index, size_t length, uint32_t position, zc_revoked *entry);

/* ---- base64: RFC 4648, 4 ------------------------------------------------------------------------------------------- */

/* Read base64 in its one canonical form: no line breaks, padded, the bits that are left over zero. `out` holds three bytes for each
 * four characters, one less for each `=` at the end. ZC_E_TRUNCATED: not a multiple of four characters. ZC_E_TEXT. ZC_E_NOT_MINIMAL: bits left over that are not zero. */
ZC_API zc_status zc_base64_read(const uint8_t *text, size_t length, uint8_t *out, size_t *out_length);

/* ---- certificates: X.509 v3, RFC 5280, 4 --------------------------------------------------------------------------- */

#define ZC_CERTIFICATE_MAX 65536     /* bytes */
#define ZC_CERTIFICATE_ITEMS 64      /* most extensions, and most policies */

/* A part of the certificate: offset from its first byte, and length. Both 0: there is none. */
typedef struct {
    uint32_t at, length;
} zc_slice;

/* Signature algorithms by JOSE's numbers (RFC 7518); the curve of ECDSA is the key's matter. */
#define ZC_SIGNED_OTHER 0
#define ZC_SIGNED_RS256 1
#define ZC_SIGNED_RS384 2
#define ZC_SIGNED_RS512 3
#define ZC_SIGNED_PS256 4
#define ZC_SIGNED_PS384 5
#define ZC_SIGNED_PS512 6
#define ZC_SIGNED_ES256 7
#define ZC_SIGNED_ES384 8
#define ZC_SIGNED_ES512 9

#define ZC_KEY_OTHER 0
#define ZC_KEY_RSA 1
#define ZC_KEY_EC 2                  /* on P-256, P-384 or P-521 */

/* The extensions that are read. A bit of `present` and of `critical` is 1 << its number. */
#define ZC_EXTENSION_SUBJECT_KEY 0
#define ZC_EXTENSION_KEY_USAGE 1
#define ZC_EXTENSION_NAMES 2         /* subjectAltName */
#define ZC_EXTENSION_CONSTRAINTS 3   /* basicConstraints */
#define ZC_EXTENSION_NAME_CONSTRAINTS 4
#define ZC_EXTENSION_CRL_POINTS 5
#define ZC_EXTENSION_POLICIES 6
#define ZC_EXTENSION_AUTHORITY_KEY 7
#define ZC_EXTENSION_PURPOSES 8      /* extendedKeyUsage */
#define ZC_EXTENSION_ACCESS 9        /* authorityInfoAccess */
#define ZC_EXTENSIONS 10

typedef struct {
    int64_t not_before, not_after;   /* seconds since 1970-01-01T00:00:00Z */
    zc_slice tbs, issuer, subject, spki;          /* whole, header included */
    zc_slice signature;               /* the octets of the bit string */
    zc_slice algorithm;               /* contents of the OID of signatureAlgorithm */
    zc_slice extensions;              /* contents of the list; walk with ZC_WALK_EXTENSIONS */
    zc_slice value[ZC_EXTENSIONS];    /* of the extensions that are read: the DER in the octet string; of the two key
                                      * identifiers the octets themselves */
    uint32_t present, critical;
    uint32_t unknown_critical;       /* how many critical extensions are not among those that are read */
    uint32_t key_exponent;           /* RSA; 0: longer than 32 bits */
    int32_t path_length;             /* -1: none */
    uint16_t key_bits;               /* of the modulus or the curve */
    uint16_t key_usage;              /* bit n of RFC 5280, 4.2.1.3 is 1 << n */
    uint8_t key_kind;
    uint8_t signed_by;               /* ZC_SIGNED_... */
    uint8_t is_ca;
    uint8_t serial[20];              /* big-endian, leading zeros */
} zc_certificate;

/* Read one whole certificate, DER, and check every part of it that is named above, so that walking them afterwards does not fail.
 * `field`: the name in RFC 5280 of the part that reading stopped at, or at its end; static. What is not read is only looked at as
 * DER: the insides of extensions that are not listed, of nameConstraints, of user notices and of keys of other kinds.
 *
 * Stricter than the standard asks of readers: version 3 only (ZC_E_VALUE); no unique identifiers (ZC_E_TAG); texts of
 * UTF8String, PrintableString, IA5String, BMPString without surrogates, and TeletexString within ASCII, none with a NUL, x500UniqueIdentifier's
 * bits excepted (ZC_E_TEXT); general names of the kinds otherName, rfc822Name, dNSName, directoryName, URI, iPAddress and registeredID
 * (ZC_E_TAG); GeneralizedTime from 2050 on (ZC_E_TIME).
 * ZC_E_REPEATED: an extension, a policy, or an element of a SET OF twice. ZC_E_CAPACITY: more than ZC_CERTIFICATE_ITEMS.
 * ZC_E_RANGE: longer than ZC_CERTIFICATE_MAX. ZC_E_TAG, ZC_E_LENGTH, ZC_E_NOT_MINIMAL, ZC_E_TRUNCATED, ZC_E_TRAILING, ZC_E_OID,
 * ZC_E_ORDER, ZC_E_SERIAL, ZC_E_VALUE. */
ZC_API zc_status zc_certificate_read(const uint8_t *der, size_t length, zc_certificate *certificate, const char **field);

#define ZC_WALK_EXTENSIONS 0   /* `type`: its OID; `value`: the DER in the octet string; `tag`: 1 if critical */
#define ZC_WALK_NAME 1         /* of issuer or subject: attributes; `type`, and `tag` and `value` of the string */
#define ZC_WALK_PURPOSES 2     /* `type` */
#define ZC_WALK_POLICIES 3     /* `type` */
#define ZC_WALK_NAMES 4        /* general names: `tag`; `value`; of an otherName `type`, and `value` is the DER inside */
#define ZC_WALK_POINTS 5       /* distribution points: `value`: general names, to be walked, of one for all reasons and by the issuer */
#define ZC_WALK_ACCESS 6       /* `type`: the method; `tag` and `value` of the general name */

typedef struct {
    zc_slice type;   /* contents of an OID */
    zc_slice value;  /* contents */
    uint8_t tag;
} zc_item;

/* Where to begin to walk `what` in `part`, which is `extensions`, `issuer`, `subject`, the `value` of the extension, or that of
 * a distribution point. */
ZC_API zc_slice zc_certificate_walk(const uint8_t *der, zc_slice part, uint32_t what);

/* Take the next item; `rest` moves on. ZC_MORE: `item` holds it. ZC_OK: there is none. `der` is a certificate that was read. */
ZC_API zc_status zc_certificate_next(const uint8_t *der, uint32_t what, zc_slice *rest, zc_item *item);

#define ZC_OID_TEXT_MAX 256

/* Write the contents of an OID as dotted decimal text, not NUL-terminated; `out` holds ZC_OID_TEXT_MAX bytes. Returns its length; 0 if it
 * is not an OID (see ZC_E_OID). */
ZC_API size_t zc_oid_text(const uint8_t *oid, size_t length, char *out);

/* ---- the UZI register's otherName 2.5.5.5 (CIBG, Certificaatprofielen) ----------------------------------------------- */

#define ZC_UZI_FIELDS 7

/* Read `<OID CA>-<version>-<UZI number>-<pass type>-<URA>-<role>-<AGB code>` into its fields, ZC_UZI_FIELDS of them: an OID in dotted
 * text, 1, nine digits, one of ZNMS, eight digits, NN.NNN, eight digits. ZC_E_TRUNCATED, ZC_E_RANGE, ZC_E_TEXT: it is not of that form. */
ZC_API zc_status zc_uzi_name(const uint8_t *text, size_t length, zc_slice *fields);

/* ---- JSON: RFC 8259, its plainest objects --------------------------------------------------------------------------- */

#define ZC_JSON_MAX 65536   /* bytes */

/* A name and its text, between the quotes. */
typedef struct {
    zc_slice name, text;
} zc_member;

/* Read an object of texts alone, ASCII without escapes, as programs write flat messages; whatever else JSON allows is refused here,
 * and left to a whole decoder. That a name stands once is for the caller to see. ZC_E_RANGE: more than ZC_JSON_MAX bytes.
 * ZC_E_CAPACITY: more than `capacity` members. ZC_E_TEXT: not such an object. ZC_E_TRAILING. */
ZC_API zc_status zc_json_texts(const uint8_t *json, size_t length, zc_member *members, size_t capacity, size_t *count);

/* ---- the Web eID authentication token, format 1 ---------------------------------------------------------------------- */

/* Its texts, between the quotes; certificate and signature are still in base64. */
typedef struct {
    zc_slice format, algorithm, certificate, signature;
} zc_web_eid;

/* Find the parts of a token that is a plain object (see zc_json_texts) of 16 members at most, the others being anybody's. Refused, and
 * left to a whole decoder, is any other. ZC_E_REPEATED: a name stands twice. ZC_E_VALUE: a part is missing or empty, or the format is
 * neither web-eid:1 nor web-eid:1 with a minor version. ZC_E_RANGE, ZC_E_CAPACITY, ZC_E_TEXT, ZC_E_TRAILING. */
ZC_API zc_status zc_web_eid_read(const uint8_t *json, size_t length, zc_web_eid *token);

/* cffi: end */

#ifdef __cplusplus
}
#endif
#endif
