"""What a module's return values mean (PKCS #11 v2.40, 5.1), as errors of this library."""

from __future__ import annotations

from typing import Final

from zorgid_card.errors import (
    CardNotSupportedError,
    CardRemovedError,
    CardResetError,
    CryptogramError,
    DeclinedError,
    MiddlewareError,
    NoCardError,
    NotOfferedError,
    PINBlockedError,
    PINFormError,
    PINNeededError,
    PINPolicyError,
    PUKBlockedError,
    TransportError,
    WrongPINError,
    WrongPUKError,
    ZorgIDError,
)

OK: Final = 0x000
CANT_LOCK: Final = 0x00A
ATTRIBUTE_SENSITIVE: Final = 0x011
ATTRIBUTE_TYPE_INVALID: Final = 0x012
DEVICE_REMOVED: Final = 0x032
FUNCTION_NOT_SUPPORTED: Final = 0x054
PIN_INCORRECT: Final = 0x0A0
PIN_INVALID: Final = 0x0A1
PIN_LEN_RANGE: Final = 0x0A2
PIN_LOCKED: Final = 0x0A4
SESSION_CLOSED: Final = 0x0B0
SESSION_HANDLE_INVALID: Final = 0x0B3
TOKEN_NOT_PRESENT: Final = 0x0E0
TOKEN_WRITE_PROTECTED: Final = 0x0E2
USER_ALREADY_LOGGED_IN: Final = 0x100
USER_NOT_LOGGED_IN: Final = 0x101
USER_ANOTHER_ALREADY_LOGGED_IN: Final = 0x104
BUFFER_TOO_SMALL: Final = 0x150
ALREADY_INITIALIZED: Final = 0x191

_NAMES: Final = {
    0x001: "CANCEL",
    0x002: "HOST_MEMORY",
    0x003: "SLOT_ID_INVALID",
    0x005: "GENERAL_ERROR",
    0x006: "FUNCTION_FAILED",
    0x007: "ARGUMENTS_BAD",
    0x009: "NEED_TO_CREATE_THREADS",
    CANT_LOCK: "CANT_LOCK",
    0x010: "ATTRIBUTE_READ_ONLY",
    ATTRIBUTE_SENSITIVE: "ATTRIBUTE_SENSITIVE",
    ATTRIBUTE_TYPE_INVALID: "ATTRIBUTE_TYPE_INVALID",
    0x013: "ATTRIBUTE_VALUE_INVALID",
    0x020: "DATA_INVALID",
    0x021: "DATA_LEN_RANGE",
    0x030: "DEVICE_ERROR",
    0x031: "DEVICE_MEMORY",
    DEVICE_REMOVED: "DEVICE_REMOVED",
    0x040: "ENCRYPTED_DATA_INVALID",
    0x041: "ENCRYPTED_DATA_LEN_RANGE",
    0x050: "FUNCTION_CANCELED",
    FUNCTION_NOT_SUPPORTED: "FUNCTION_NOT_SUPPORTED",
    0x060: "KEY_HANDLE_INVALID",
    0x062: "KEY_SIZE_RANGE",
    0x063: "KEY_TYPE_INCONSISTENT",
    0x068: "KEY_FUNCTION_NOT_PERMITTED",
    0x070: "MECHANISM_INVALID",
    0x071: "MECHANISM_PARAM_INVALID",
    0x082: "OBJECT_HANDLE_INVALID",
    0x090: "OPERATION_ACTIVE",
    0x091: "OPERATION_NOT_INITIALIZED",
    PIN_INCORRECT: "PIN_INCORRECT",
    PIN_INVALID: "PIN_INVALID",
    PIN_LEN_RANGE: "PIN_LEN_RANGE",
    0x0A3: "PIN_EXPIRED",
    PIN_LOCKED: "PIN_LOCKED",
    SESSION_CLOSED: "SESSION_CLOSED",
    0x0B1: "SESSION_COUNT",
    SESSION_HANDLE_INVALID: "SESSION_HANDLE_INVALID",
    0x0B5: "SESSION_READ_ONLY",
    0x0B7: "SESSION_READ_ONLY_EXISTS",
    0x0D0: "TEMPLATE_INCOMPLETE",
    0x0D1: "TEMPLATE_INCONSISTENT",
    TOKEN_NOT_PRESENT: "TOKEN_NOT_PRESENT",
    0x0E1: "TOKEN_NOT_RECOGNIZED",
    TOKEN_WRITE_PROTECTED: "TOKEN_WRITE_PROTECTED",
    USER_ALREADY_LOGGED_IN: "USER_ALREADY_LOGGED_IN",
    USER_NOT_LOGGED_IN: "USER_NOT_LOGGED_IN",
    0x102: "USER_PIN_NOT_INITIALIZED",
    0x103: "USER_TYPE_INVALID",
    USER_ANOTHER_ALREADY_LOGGED_IN: "USER_ANOTHER_ALREADY_LOGGED_IN",
    BUFFER_TOO_SMALL: "BUFFER_TOO_SMALL",
    0x190: "CRYPTOKI_NOT_INITIALIZED",
    ALREADY_INITIALIZED: "CRYPTOKI_ALREADY_INITIALIZED",
}

_ERRORS: Final[dict[int, type[ZorgIDError]]] = {
    0x001: DeclinedError,
    0x003: NoCardError,
    0x030: TransportError,
    0x040: CryptogramError,
    0x041: CryptogramError,
    DEVICE_REMOVED: CardRemovedError,
    0x050: DeclinedError,
    FUNCTION_NOT_SUPPORTED: NotOfferedError,
    0x070: NotOfferedError,
    SESSION_CLOSED: CardResetError,
    SESSION_HANDLE_INVALID: CardResetError,
    TOKEN_NOT_PRESENT: NoCardError,
    0x0E1: CardNotSupportedError,
    0x103: NotOfferedError,  # there is no such user: a card without a security officer
}

_USES: Final = ("sign", "decrypt", "derive")
UNDECIPHERED: Final = frozenset({0x005, 0x006, 0x020, 0x021})
"""What modules answer to C_Decrypt besides the two codes that the standard has for it: SoftHSM says GENERAL_ERROR, say."""


def name(rv: int) -> str:
    """The standard's name of a return value, or its number."""
    return f"CKR_{_NAMES[rv]}" if rv in _NAMES else f"CKR {rv:#x}"


def check(operation: str, rv: int) -> None:
    """Raise what the return value of an operation means; CKR_OK means nothing."""
    if rv != OK:
        raise error(operation, rv)


def error(operation: str, rv: int) -> ZorgIDError:
    """What a return value other than CKR_OK means."""
    kind = _ERRORS.get(rv, MiddlewareError)
    if operation == "decrypt" and rv in UNDECIPHERED:
        kind = CryptogramError
    if operation in _USES and rv == USER_NOT_LOGGED_IN:
        kind = PINNeededError
    return kind(f"{operation}: the middleware answered {name(rv)}", reason=name(rv), operation=operation)


def pin_error(operation: str, rv: int, *, so: bool, tries_left: int | None) -> ZorgIDError | None:
    """What a return value says of the PIN that was presented; None if it is not about that.

    Args:
        operation: which function, in words.
        rv: the return value.
        so: it was the security officer's PIN, which is the card's PUK.
        tries_left: as far as the token's flags tell.
    """
    reason = name(rv)
    if rv == PIN_INCORRECT:
        wrong = WrongPUKError if so else WrongPINError
        return wrong(tries_left=tries_left, reason=reason, operation=operation)
    if rv == PIN_LOCKED:
        blocked = PUKBlockedError if so else PINBlockedError
        return blocked(reason=reason, operation=operation)
    return None


def form_error(rv: int, *, minimum: int, maximum: int, setting: bool) -> ZorgIDError | None:
    """What a return value says of the form of a PIN, entered or (``setting``) to be set; None if it is not about that."""
    if rv == PIN_LEN_RANGE and not setting:
        return PINFormError(minimum=minimum, maximum=maximum, reason=name(rv))
    if rv == PIN_LEN_RANGE:
        return PINPolicyError(rule="length", minimum=minimum, maximum=maximum, reason=name(rv))
    if rv == PIN_INVALID:
        return PINPolicyError("the middleware does not take this PIN", reason=name(rv))
    return None
