"""An HSM that lies and fails at each call: typed errors, no key of nonsense, no error that names a card."""

from __future__ import annotations

import ctypes
import itertools
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

import softhsm
from zorgid_card.adapters.pkcs11.hsm import HSM, HSMKeyStore
from zorgid_card.adapters.pkcs11.objects import KeyToken
from zorgid_card.errors import HSMError, PassphraseError, ZorgIDError
from zorgid_card.ports.keys import Batch
from zorgid_card.secret import Secret

pytestmark = [
    pytest.mark.skipif(softhsm.module() is None, reason="SoftHSM is not installed (Debian package softhsm2)"),
    pytest.mark.skipif(sys.platform != "linux", reason="the liar is built for ELF"),
]

SOURCE = Path(__file__).parents[1] / "stubs" / "hsm_liar.c"
LOGIN, CREATE, ATTRIBUTE, FIND, SIGN_INIT, SIGN, GENERATE = 18, 20, 24, 27, 42, 43, 58
HUGE = (1 << 64) - 1
GENERAL_ERROR, DEVICE_REMOVED, DEVICE_ERROR, NOT_LOGGED_IN, HANDLE_INVALID = 0x5, 0x32, 0x30, 0x101, 0xB3
PIN_INCORRECT, PIN_LOCKED, PIN_EXPIRED, VENDOR = 0xA0, 0xA4, 0xA3, 0x80000123
LABEL, MODULUS, VALUE_LENGTH, KEY_TYPE, SENSITIVE, EXTRACTABLE, EXPONENT = 0x3, 0x120, 0x161, 0x100, 0x103, 0x162, 0x122


class Liar:
    """The module's variables, and an HSM behind it that has a master key, a batch key and a CA's key."""

    def __init__(self, module: Path) -> None:
        self.module, self.library = module, ctypes.CDLL(str(module))
        self.hsm = HSM(module, "portal", Secret.of(softhsm.PIN))
        self.keys = HSMKeyStore.create(self.hsm)
        self.keys.add_batch(Batch("1000", "1999"), Secret.of(bytes(16)))
        self.ca = self.hsm.ca_key("root", make=True)

    def tell(self, name: str, value: int) -> None:
        ctypes.c_ulong.in_dll(self.library, f"liar_{name}").value = value

    def fail(self, call: int, code: int, times: int = 1) -> None:
        for name, value in (("code", code), ("times", times)):
            (ctypes.c_ulong * 68).in_dll(self.library, f"liar_{name}")[call] = value

    def calls(self, call: int) -> int:
        return (ctypes.c_ulong * 68).in_dll(self.library, "liar_calls")[call]

    def works(self) -> bool:
        """Whether all is well again."""
        found = self.keys.channel("1000"), self.keys.derive("1", "AES256"), self.sign()
        return all(found)

    def sign(self) -> bytes:
        return self.ca.sign(b"data", PKCS1v15(), hashes.SHA256())


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = tmp_path_factory.mktemp("liar") / "liar.so"
    subprocess.run(["gcc", "-Wall", "-Wextra", "-shared", "-fPIC", "-o", library, SOURCE], check=True)
    return library


@pytest.fixture(scope="module")
def shared(compiled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Liar]:
    """Making its RSA key takes a while."""
    directory = tmp_path_factory.mktemp("shared")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(softhsm.configuration(directory)))
        patch.setenv("LIAR_MODULE", str(softhsm.module()))
        softhsm.initialise("portal")
        found = Liar(compiled)
        yield found
        found.hsm.close()


@pytest.fixture
def liar(shared: Liar) -> Iterator[Liar]:
    """One that tells the truth so far."""
    yield shared
    for name, honest in (("sign", 0), ("attribute", HUGE), ("length", 0), ("octet", 0), ("found", 0)):
        shared.tell(name, honest)
    for call in (LOGIN, CREATE, ATTRIBUTE, FIND, SIGN_INIT, SIGN, GENERATE):
        shared.fail(call, 0, times=0)
    assert shared.works()


_batches = itertools.count(2000)


def new_batch() -> Batch:
    number = str(next(_batches))
    return Batch(number, number)


USES: dict[str, Callable[[Liar], object]] = {
    "derive": lambda liar: liar.keys.derive("1", "AES256"),
    "channel": lambda liar: liar.keys.channel("1000"),
    "rotate": lambda liar: liar.keys.rotate(),
    "add batch": lambda liar: liar.keys.add_batch(new_batch(), Secret.of(bytes(32))),
    "masters": lambda liar: liar.keys.masters(),
    "sign": lambda liar: liar.sign(),
    "CA key": lambda liar: liar.hsm.ca_key("root"),
}


@pytest.mark.parametrize("code", [GENERAL_ERROR, DEVICE_ERROR, DEVICE_REMOVED, NOT_LOGGED_IN, VENDOR], ids=hex)
@pytest.mark.parametrize("call", [CREATE, ATTRIBUTE, FIND, SIGN_INIT, SIGN, GENERATE])
def test_a_call_that_fails_is_an_error_of_the_hsm_and_the_next_one_works(liar: Liar, call: int, code: int) -> None:
    for use in USES.values():
        before = liar.calls(call)
        liar.fail(call, code)
        try:
            use(liar)
            assert liar.calls(call) == before, "the failure was passed over"
        except HSMError as error:
            assert error.reason
        liar.fail(call, code, times=0)
        assert liar.works()


@pytest.mark.parametrize("call", [ATTRIBUTE, FIND, SIGN_INIT, SIGN])
def test_a_session_that_is_lost_once_is_not_noticed_and_twice_is_told(liar: Liar, call: int) -> None:
    liar.fail(call, HANDLE_INVALID)
    assert liar.works()
    liar.fail(call, HANDLE_INVALID, times=2)
    with pytest.raises(HSMError):
        liar.works()
    assert liar.works()


@pytest.mark.parametrize("lie", [1, 2, 3, 4])
def test_a_signature_of_the_ca_that_is_none_is_not_used(liar: Liar, lie: int) -> None:
    """Also one that a fault has spoilt: it could tell the key."""
    liar.tell("sign", lie)
    with pytest.raises(HSMError) as caught:
        liar.sign()
    assert caught.value.reason in ("signature", "length")
    liar.tell("sign", 0)
    assert liar.works()


@pytest.mark.parametrize("lie", [2, 3, 4])
def test_a_mac_of_another_length_is_not_used(liar: Liar, lie: int) -> None:
    liar.tell("sign", lie)
    for use in ("derive", "channel"):
        with pytest.raises(HSMError) as caught:
            USES[use](liar)
        assert caught.value.reason == "length"


@pytest.mark.parametrize("kind", [LABEL, MODULUS, VALUE_LENGTH, KEY_TYPE, SENSITIVE, EXTRACTABLE, EXPONENT], ids=hex)
@pytest.mark.parametrize(("length", "octet"), [(HUGE, 0), (40000, 0), (2, 0), (0, 0), (0, 0xFF), (0, 1)])
def test_an_attribute_that_lies_gives_a_typed_error_or_the_right_key(
    liar: Liar, kind: int, length: int, octet: int
) -> None:
    def told(secret: Secret) -> bytes:
        with secret.expose() as view:
            return bytes(view)

    right = told(liar.keys.derive("1", "AES256"))
    liar.tell("attribute", kind)
    liar.tell("length", length)
    liar.tell("octet", octet)
    with suppress(ZorgIDError):
        assert told(liar.keys.derive("1", "AES256")) == right
    for use in ("channel", "masters", "sign", "CA key"):
        with suppress(ZorgIDError):
            USES[use](liar)
    liar.tell("attribute", HUGE)
    assert liar.works()


def test_a_key_that_says_it_could_leave_is_not_used(liar: Liar) -> None:
    for kind, octet in ((SENSITIVE, 0), (EXTRACTABLE, 1)):
        liar.tell("attribute", kind)
        liar.tell("octet", octet)
        for use in ("derive", "channel", "sign"):
            with pytest.raises(HSMError) as caught:
                USES[use](liar)
            assert caught.value.reason == "extractable"


@pytest.mark.parametrize("count", [33, 10**6, HUGE])
def test_more_objects_than_there_is_room_for_are_not_believed(liar: Liar, count: int) -> None:
    liar.tell("found", count)
    with pytest.raises(HSMError):
        liar.keys.masters()
    liar.tell("found", 0)
    assert liar.works()


def test_an_hsm_that_never_stops_finding_is_given_up(liar: Liar) -> None:
    liar.tell("found", 1)
    with pytest.raises(HSMError):
        liar.keys.masters()


@pytest.mark.parametrize("code", [PIN_INCORRECT, PIN_LOCKED], ids=hex)
def test_a_refused_pin_costs_one_try(liar: Liar, code: int) -> None:
    with HSM(liar.module, "portal", Secret.of(softhsm.PIN)) as other:
        kept = HSMKeyStore(other)
        liar.hsm.use("log out", KeyToken.logout)
        liar.fail(LOGIN, code, times=100)
        before = liar.calls(LOGIN)
        for _ in range(3):
            for use in (lambda: kept.derive("1", "AES256"), kept.rotate, kept.masters):
                with pytest.raises(PassphraseError):
                    use()
        assert liar.calls(LOGIN) == before + 1


def test_no_error_of_an_hsm_names_a_key_or_its_pin(liar: Liar) -> None:
    for call, use in ((CREATE, "add batch"), (SIGN, "derive"), (SIGN, "sign")):
        liar.fail(call, VENDOR)
        with pytest.raises(HSMError) as caught:
            USES[use](liar)
        told = f"{caught.value!r}{caught.value.details}{caught.value.__cause__!r}"
        assert softhsm.PIN.decode() not in told
        assert bytes(32).hex() not in told
