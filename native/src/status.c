/* SPDX-License-Identifier: Apache-2.0
 * The words for each status. */
#include "zc.h"

const char *zc_reason(int status)
{
    switch ((zc_status)status) {
    case ZC_OK: return "done";
    case ZC_MORE: return "another command follows";
    case ZC_E_CAPACITY: return "buffer too small";
    case ZC_E_RANGE: return "value out of range";
    case ZC_E_TRUNCATED: return "ends too early";
    case ZC_E_TRAILING: return "bytes after the end";
    case ZC_E_TAG: return "not a tag";
    case ZC_E_LENGTH: return "not a length";
    case ZC_E_INDEFINITE: return "indefinite length";
    case ZC_E_NOT_MINIMAL: return "length is not the shortest form";
    case ZC_E_DEPTH: return "nested too deeply";
    case ZC_E_MISSING: return "no such data object";
    case ZC_E_ANSWER_SHORT: return "answer shorter than a status word";
    case ZC_E_ANSWER_LONG: return "answer longer than asked for";
    case ZC_E_ANSWER_DATA: return "data along with 6Cxx";
    case ZC_E_ENDLESS: return "61xx without end";
    case ZC_E_FINISHED: return "exchange has ended";
    case ZC_E_WIPED: return "secret was wiped";
    case ZC_E_DIFFERENT: return "secrets differ";
    case ZC_E_NOT_DIGITS: return "not all digits";
    case ZC_E_MEMORY: return "no memory";
    case ZC_E_RANDOM: return "no random bytes";
    case ZC_E_NO_TERMINAL: return "no terminal";
    case ZC_E_INTERRUPTED: return "interrupted";
    case ZC_E_END: return "end of input";
    case ZC_E_LIBRARY: return "PC/SC library not found";
    case ZC_E_SYMBOL: return "not a PC/SC library";
    case ZC_E_HEADER: return "header cut short";
    case ZC_E_LC: return "not an extended Lc field";
    case ZC_E_DATA: return "fewer data bytes than Lc says";
    case ZC_E_LE: return "Le field cut short";
    case ZC_E_ATR: return "not an answer to reset";
    case ZC_E_CHECK: return "check byte TCK is wrong";
    case ZC_E_MAC: return "wrong or missing MAC";
    case ZC_E_PADDING: return "wrong padding";
    case ZC_E_CRYPTOGRAM: return "the card has other keys";
    case ZC_E_PROTOCOL: return "another secure channel protocol";
    case ZC_E_CLOSED: return "no secure channel";
    case ZC_E_TRANSPORT: return "the transport failed";
    case ZC_E_CANCELLED: return "cancelled";
    case ZC_E_TIME: return "not a time";
    case ZC_E_SERIAL: return "not a serial number";
    case ZC_E_REASON: return "not a reason of a full list";
    case ZC_E_CRITICAL: return "critical extension that is not known";
    case ZC_E_INDEX: return "not a revocation index";
    case ZC_E_OID: return "not an object identifier";
    case ZC_E_TEXT: return "not a text of its type";
    case ZC_E_VALUE: return "a value it may not have";
    case ZC_E_REPEATED: return "stands there twice";
    case ZC_E_ORDER: return "set is not in order";
    }
    return "unknown status";
}
