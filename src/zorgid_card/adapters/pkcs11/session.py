"""One token through a PKCS#11 module."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from zorgid_card.adapters.pkcs11 import codes
from zorgid_card.adapters.pkcs11.library import Hold, Library
from zorgid_card.errors import CardRemovedError, CardResponseError, ReaderError, WrongCardError, ZorgIDError
from zorgid_card.ports.token import KeyKind, Mechanism, TokenCertificate, TokenFlag, TokenInfo, TokenKey
from zorgid_card.secret import CAPACITY, Secret

MOST_OBJECTS: Final = 256
MOST_MECHANISMS: Final = 1024
MOST_OUTPUT: Final = 1024
"""Bytes of a signature, or of what was decrypted: a key of RSA-8192."""

_SO, _USER, _CONTEXT_SPECIFIC = 0, 1, 2
_SERIAL, _READ_WRITE = 0x4, 0x2
_USER_STATES: Final = (1, 3)  # CKS_RO_USER_FUNCTIONS, CKS_RW_USER_FUNCTIONS
_CERTIFICATE, _PRIVATE_KEY, _SECRET_KEY, _GENERIC_SECRET = 0x1, 0x3, 0x4, 0x10
_NO_KDF = 1
_CLASS, _VALUE, _KEY_TYPE, _ID, LABEL, _CERTIFICATE_TYPE = 0x0, 0x11, 0x100, 0x102, 0x3, 0x80
MODULUS, _PUBLIC_EXPONENT, _ALWAYS_AUTHENTICATE = 0x120, 0x122, 0x202
_TOKEN, SENSITIVE, EXTRACTABLE, _VALUE_LENGTH = 0x1, 0x103, 0x162, 0x161
_ROOM: Final = {
    _VALUE: 32768,
    _KEY_TYPE: 8,
    _ID: 256,
    LABEL: 1024,
    _CERTIFICATE_TYPE: 8,
    MODULUS: 1024,
    _ALWAYS_AUTHENTICATE: 1,
    SENSITIVE: 1,
    EXTRACTABLE: 1,
    _VALUE_LENGTH: 8,
    _PUBLIC_EXPONENT: 16,
}
_KINDS: Final[dict[int | None, KeyKind]] = {0x0: "RSA", 0x3: "EC"}
_AT_ONCE: Final = 32
_LOST: Final = (codes.SESSION_HANDLE_INVALID, codes.SESSION_CLOSED, codes.DEVICE_REMOVED, codes.TOKEN_NOT_PRESENT)
_PSS: Final = {"sha256": (0x250, 2, 32), "sha384": (0x260, 3, 48), "sha512": (0x270, 4, 64)}


def words(field: Any) -> str:
    """The text of a field that is padded with blanks; what could steer a terminal is shown as a question mark."""
    text = bytes(field).decode("utf-8", "replace").rstrip(" \0")
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def token_info(library: Library, slot: int) -> TokenInfo:
    """What slot and token say of themselves.

    Raises:
        NoCardError: the slot is empty.
    """
    ffi = library.ffi
    reader, token = ffi.new("CK_SLOT_INFO *"), ffi.new("CK_TOKEN_INFO *")
    codes.check("slot", library.call("GetSlotInfo", slot, reader))
    codes.check("token", library.call("GetTokenInfo", slot, token))
    return TokenInfo(
        slot=slot,
        reader=words(reader.slotDescription),
        label=words(token.label),
        manufacturer=words(token.manufacturerID),
        model=words(token.model),
        serial=words(token.serialNumber),
        pin_minimum=min(int(token.ulMinPinLen), CAPACITY),
        pin_maximum=min(int(token.ulMaxPinLen), CAPACITY),
        flags=TokenFlag(int(token.flags) & sum(TokenFlag)),
    )


class PKCS11Token:
    """One token (:class:`zorgid_card.ports.token.Token`).

    An operation that fails halfway leaves the session unusable for the next (there is no way to break one off in 2.40), so the
    session is ended then, and opened anew when it is needed.
    """

    def __init__(self, hold: Hold, slot: int) -> None:
        self._library, self._era, self._slot = hold.library, hold.era, slot
        self._lock = threading.RLock()
        self._session: list[int] = []
        self._end = weakref.finalize(self, _end, self._library, self._era, self._session)
        self._identity = self._identify()
        self._open()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other threads off over several calls; never over a prompt."""
        self._library.require(self._era)  # before the lock: in a forked child a thread may hold it that is not there
        with self._lock:
            yield

    def _require_open(self) -> None:
        self._library.require(self._era)
        if not self._end.alive:
            raise CardRemovedError("the token is closed", reason="closed")

    def _identify(self) -> tuple[str, str]:
        told = self.info()
        return told.label, told.serial

    def _open(self) -> int:
        """The session's handle. Another card than before is not taken for it."""
        self._require_open()
        if self._session:
            return self._session[0]
        found = self._identify()
        if found != self._identity:
            raise WrongCardError(expected=" ".join(self._identity), found=" ".join(found))
        ffi, out = self._library.ffi, self._library.ffi.new("CK_ULONG *")
        opening = (self._slot, _SERIAL | _READ_WRITE, ffi.NULL, ffi.NULL, out)
        rv = self._library.call("OpenSession", *opening)
        if rv == codes.TOKEN_WRITE_PROTECTED:
            rv = self._library.call("OpenSession", self._slot, _SERIAL, *opening[2:])
        codes.check("open session", rv)
        self._session.append(int(out[0]))
        return self._session[0]

    def _call(self, operation: str, function: str, *arguments: Any) -> None:
        codes.check(operation, self._raw(function, *arguments))

    def _raw(self, function: str, *arguments: Any) -> int:
        rv = self._library.call(function, self._open(), *arguments)
        if rv in _LOST:
            _close(self._library, self._era, self._session)
        return rv

    # --- reading ------------------------------------------------------------------------------------------

    def info(self) -> TokenInfo:
        """What the token says of itself now."""
        with self._watched():
            return token_info(self._library, self._slot)

    def mechanisms(self) -> frozenset[int]:
        """What it can do, by number."""
        with self._watched():
            limit = MOST_MECHANISMS
            return frozenset(self._library.numbers("mechanisms", "GetMechanismList", self._slot, limit=limit))

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """A question to the slot: an empty one has ended the session."""
        with self.alone():
            self._require_open()
            try:
                yield
            except ReaderError:
                _close(self._library, self._era, self._session)
                raise

    def certificates(self) -> list[TokenCertificate]:
        """The X.509 certificates that can be seen; one without contents is passed over."""
        with self.alone():
            return [found for handle in self._find(_CERTIFICATE) if (found := self._certificate(handle)) is not None]

    def _certificate(self, handle: int) -> TokenCertificate | None:
        value = self._attribute(handle, _VALUE)
        if not value or self._number(handle, _CERTIFICATE_TYPE) not in (0, None):
            return None
        label = words(self._attribute(handle, LABEL) or b"")
        return TokenCertificate(identifier=self._attribute(handle, _ID) or b"", label=label, der=value)

    def keys(self) -> list[TokenKey]:
        """The private keys that can be seen."""
        with self.alone():
            return [self._key(handle) for handle in self._find(_PRIVATE_KEY)]

    def _key(self, handle: int) -> TokenKey:
        kind = _KINDS.get(self._number(handle, _KEY_TYPE), "other")
        return TokenKey(
            handle=handle,
            identifier=self._attribute(handle, _ID) or b"",
            kind=kind,
            modulus=(self._attribute(handle, MODULUS) or b"").lstrip(b"\0") if kind == "RSA" else b"",
            always_authenticate=(self._attribute(handle, _ALWAYS_AUTHENTICATE) or b"\0") != b"\0",
        )

    def _find(self, kind: int, label: str | None = None) -> list[int]:
        ffi = self._library.ffi
        value, name = ffi.new("CK_ULONG *", kind), ffi.from_buffer((label or "").encode())
        template = ffi.new(
            "CK_ATTRIBUTE[]",
            [(_CLASS, value, ffi.sizeof("CK_ULONG")), (LABEL, ffi.cast("void *", name), len(name))],
        )
        self._call("find", "FindObjectsInit", template, 1 if label is None else 2)
        try:
            return self._found()
        finally:
            self._raw("FindObjectsFinal")

    def _found(self) -> list[int]:
        ffi = self._library.ffi
        handles: list[int] = []
        some, count = ffi.new("CK_ULONG[]", _AT_ONCE), ffi.new("CK_ULONG *")
        while len(handles) <= MOST_OBJECTS:
            self._call("find", "FindObjects", some, _AT_ONCE, count)
            if count[0] > _AT_ONCE:
                break
            if count[0] == 0:
                return handles
            handles.extend(int(some[place]) for place in range(count[0]))
        raise CardResponseError("find: the middleware tells of more objects than a card holds", reason="count")

    def _attribute(self, handle: int, kind: int) -> bytes | None:
        """One attribute, fetched into a room of fixed size in one call: between two, the module could change its mind."""
        ffi, room = self._library.ffi, _ROOM[kind]
        value = ffi.new("CK_BYTE[]", room)
        attribute = ffi.new("CK_ATTRIBUTE *", {"type": kind, "pValue": value, "ulValueLen": room})
        rv = self._raw("GetAttributeValue", handle, attribute, 1)
        if rv in (codes.ATTRIBUTE_SENSITIVE, codes.ATTRIBUTE_TYPE_INVALID):
            return None
        if rv == codes.BUFFER_TOO_SMALL:
            raise CardResponseError(f"read attribute: longer than {room} bytes", reason="length")
        codes.check("read attribute", rv)
        return _taken(ffi, "read attribute", value, int(attribute.ulValueLen), room)

    def _number(self, handle: int, kind: int) -> int | None:
        value = self._attribute(handle, kind)
        size = self._library.ffi.sizeof("CK_ULONG")
        if value is None:
            return None
        if len(value) != size:
            raise CardResponseError(f"read attribute: a number of {len(value)} bytes", reason="length")
        return int(self._library.ffi.from_buffer("CK_ULONG *", value)[0])

    # --- PINs ---------------------------------------------------------------------------------------------

    @property
    def logged_in(self) -> bool:
        """Whether this process is logged in as the user, or needs not to be."""
        with self.alone():
            state = self._library.ffi.new("CK_SESSION_INFO *")
            self._call("session", "GetSessionInfo", state)
            return state.state in _USER_STATES or not self.info().flags & TokenFlag.LOGIN_REQUIRED

    def login(self, pin: Secret | None, *, so: bool = False) -> None:
        """Verify a PIN (C_Login); a login that this process has already is ended first, so that the PIN is truly tried."""
        with self.alone():
            rv = self._present(_SO if so else _USER, pin)
            if rv in (codes.USER_ALREADY_LOGGED_IN, codes.USER_ANOTHER_ALREADY_LOGGED_IN):
                self.logout()
                rv = self._present(_SO if so else _USER, pin)
            self._judge("log in", rv, so=so)

    def _present(self, user: int, pin: Secret | None) -> int:
        """The PIN's own page is what the module gets a pointer to: no copy is made on this side."""
        with _pointer(self._library.ffi, pin) as (at, length):
            return self._raw("Login", user, at, length)

    def _judge(self, operation: str, rv: int, *, so: bool, setting: bool = False) -> None:
        if rv == codes.OK:
            return
        tries_left = self._tries_left(so) if rv == codes.PIN_INCORRECT else None
        wrong = codes.pin_error(operation, rv, so=so, tries_left=tries_left)
        if wrong is None and rv in (codes.PIN_LEN_RANGE, codes.PIN_INVALID):
            told = self.info()
            wrong = codes.form_error(rv, minimum=told.pin_minimum, maximum=told.pin_maximum, setting=setting)
        raise wrong or codes.error(operation, rv)

    def _tries_left(self, so: bool) -> int | None:
        """What the flags tell after a wrong PIN; a card that is gone by now shows at the next call."""
        with suppress(ZorgIDError):
            flags = self.info().flags
            if flags & (TokenFlag.SO_PIN_LOCKED if so else TokenFlag.USER_PIN_LOCKED):
                return 0
            if flags & (TokenFlag.SO_PIN_FINAL_TRY if so else TokenFlag.USER_PIN_FINAL_TRY):
                return 1
        return None

    def logout(self) -> None:
        """Forget that a PIN was verified (C_Logout)."""
        with self.alone():
            rv = self._raw("Logout")
            if rv != codes.USER_NOT_LOGGED_IN:
                codes.check("log out", rv)

    def set_pin(self, old: Secret | None, new: Secret | None) -> None:
        """Change the PIN (C_SetPIN)."""
        with self.alone():
            state = self._library.ffi.new("CK_SESSION_INFO *")
            self._call("session", "GetSessionInfo", state)
            ffi = self._library.ffi
            with _pointer(ffi, old) as (at, length), _pointer(ffi, new) as (new_at, new_length):
                rv = self._raw("SetPIN", at, length, new_at, new_length)
            self._judge("change PIN", rv, so=state.state == 4, setting=True)  # CKS_RW_SO_FUNCTIONS

    def init_pin(self, new: Secret | None) -> None:
        """Set the user's PIN as the security officer (C_InitPIN). OpenSC presents the PUK only now: it may be what is wrong."""
        with self.alone():
            with _pointer(self._library.ffi, new) as (at, length):
                rv = self._raw("InitPIN", at, length)
            self._judge("set PIN", rv, so=True, setting=True)

    # --- keys ---------------------------------------------------------------------------------------------

    def sign(
        self, key: TokenKey, mechanism: int, data: bytes, *, pss: str | None = None, pin: Secret | None = None
    ) -> bytes:
        """Sign (C_SignInit, C_Login if the key wants it, C_Sign)."""
        parameters = None if pss is None else self._library.ffi.new("CK_RSA_PKCS_PSS_PARAMS *", _PSS[pss])
        return self._operate("Sign", key, (mechanism, parameters), data, pin)

    def decrypt(self, key: TokenKey, mechanism: int, cryptogram: bytes, *, pin: Secret | None = None) -> bytes:
        """Decrypt (C_DecryptInit, C_Login if the key wants it, C_Decrypt)."""
        return self._operate("Decrypt", key, (mechanism, None), cryptogram, pin)

    def derive(self, key: TokenKey, point: bytes, length: int) -> bytes:
        """Elliptic-curve Diffie-Hellman (C_DeriveKey); the shared secret is read out, and its object destroyed."""
        ffi, made = self._library.ffi, self._library.ffi.new("CK_ULONG *")
        public = ffi.from_buffer(point)
        parameters = ffi.new("CK_ECDH1_DERIVE_PARAMS *", (_NO_KDF, 0, ffi.NULL, len(point), ffi.cast("void *", public)))
        mechanism = ffi.new("CK_MECHANISM *", (Mechanism.ECDH1_DERIVE, parameters, ffi.sizeof(parameters[0])))
        values = [ffi.new("CK_ULONG *", number) for number in (_SECRET_KEY, _GENERIC_SECRET, length)]
        flags = [ffi.new("CK_BYTE *", flag) for flag in (0, 0, 1)]
        kinds = (_CLASS, _KEY_TYPE, _VALUE_LENGTH, _TOKEN, SENSITIVE, EXTRACTABLE)
        sizes = (*(ffi.sizeof("CK_ULONG"),) * len(values), *(1,) * len(flags))
        template = ffi.new("CK_ATTRIBUTE[]", list(zip(kinds, (*values, *flags), sizes, strict=True)))
        with self.alone(), self._ended_on_failure():
            self._call("derive", "DeriveKey", mechanism, key.handle, template, len(kinds), made)
            try:
                return self._attribute(int(made[0]), _VALUE) or b""
            finally:
                self._raw("DestroyObject", int(made[0]))

    def _operate(self, function: str, key: TokenKey, how: tuple[int, Any], data: bytes, pin: Secret | None) -> bytes:
        ffi, (number, parameters) = self._library.ffi, how
        size = 0 if parameters is None else ffi.sizeof(parameters[0])
        mechanism = ffi.new("CK_MECHANISM *", (number, ffi.NULL if parameters is None else parameters, size))
        with self.alone(), self._ended_on_failure():
            self._call(function.lower(), f"{function}Init", mechanism, key.handle)
            if key.always_authenticate:
                self._judge("log in", self._present(_CONTEXT_SPECIFIC, pin), so=False)
            room, length = ffi.new("CK_BYTE[]", MOST_OUTPUT), ffi.new("CK_ULONG *", MOST_OUTPUT)
            try:
                self._call(function.lower(), function, ffi.from_buffer(data), len(data), room, length)
                return _taken(ffi, function.lower(), room, int(length[0]), MOST_OUTPUT)
            finally:
                ffi.memmove(room, bytes(MOST_OUTPUT), MOST_OUTPUT)

    @contextmanager
    def _ended_on_failure(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            _close(self._library, self._era, self._session)
            raise

    def close(self) -> None:
        """Log out and end the session; a second time does nothing."""
        with suppress(CardRemovedError), self.alone():
            self._end()


def _taken(ffi: Any, operation: str, room: Any, length: int, limit: int) -> bytes:
    if length > limit:
        raise CardResponseError(f"{operation}: the middleware tells of {length} bytes", reason="length")
    return bytes(ffi.buffer(room, length))


@contextmanager
def _pointer(ffi: Any, pin: Secret | None) -> Iterator[tuple[Any, int]]:
    """A pointer on the PIN in its locked page."""
    if pin is None:
        yield ffi.NULL, 0
        return
    with pin.expose() as view, ffi.from_buffer("CK_BYTE[]", view) as at:
        yield at, len(view)


def _close(library: Library, era: int, session: list[int]) -> None:
    """End the session without a word: it may be gone with the card, or be a parent process's."""
    while session:
        handle = session.pop()
        if era == library.era:
            library.call("CloseSession", handle)


def _end(library: Library, era: int, session: list[int]) -> None:
    if session and era == library.era:
        library.call("Logout", session[0])
    _close(library, era, session)
