"""Where the portal's keys live: a file, and an HSM (SoftHSM 2). Both derive the same keys, rotate, and let no key out."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import stat
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

import softhsm
from zorgid_card.adapters import keystore, private_file
from zorgid_card.adapters.diversified import counter_mode
from zorgid_card.adapters.keystore import FileKeyStore
from zorgid_card.adapters.pkcs11.hsm import HSM, HSMKeyStore
from zorgid_card.errors import HSMError, NotFoundError, PassphraseError, StorageError, UsageError
from zorgid_card.pki.authority import Authority, new_serial
from zorgid_card.pki.profile import AUTHENTICITY
from zorgid_card.pki.signing import SoftwareSigner
from zorgid_card.ports.authority import SubjectData
from zorgid_card.ports.keys import Batch, KeyStore
from zorgid_card.secret import Secret

MODULE = softhsm.module()
NEEDS_HSM = pytest.mark.skipif(MODULE is None, reason="SoftHSM is not installed (Debian package softhsm2)")
PASSPHRASE = Secret.of(b"correct horse battery staple")
BATCH, BATCH_KEY = Batch("10000000", "10999999"), bytes(range(16))
SERIALS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=64)
JAN = SubjectData(uzi_number="900000015", given_names="Zoë Renée", surname="de Vries", common_name="Zoë Renée de Vries")


def octets(secret: Secret) -> bytes:
    with secret.expose() as view:
        return bytes(view)


@pytest.fixture
def store(tmp_path: Path) -> FileKeyStore:
    return FileKeyStore.create(tmp_path / "master.key", PASSPHRASE)


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """SoftHSM, with its tokens in a directory of this module; the test's own settings are put back."""
    before = os.environ.get("SOFTHSM2_CONF")
    directory = tmp_path_factory.mktemp("hsm")
    os.environ["SOFTHSM2_CONF"] = str(softhsm.configuration(directory))
    yield directory
    del os.environ["SOFTHSM2_CONF"]
    if before is not None:
        os.environ["SOFTHSM2_CONF"] = before


_tokens = iter(range(1000))


@pytest.fixture
def hsm(token: Path) -> Iterator[HSM]:
    """An HSM with an empty token of this test's own."""
    label = f"portal {next(_tokens)}"
    softhsm.initialise(label)
    with HSM(str(MODULE), label, Secret.of(softhsm.PIN)) as opened:
        yield opened


@pytest.fixture(params=["file", pytest.param("hsm", marks=NEEDS_HSM)])
def either(request: pytest.FixtureRequest) -> KeyStore:
    if request.param == "file":
        return request.getfixturevalue("store")  # type: ignore[no-any-return]
    return HSMKeyStore.create(request.getfixturevalue("hsm"))


# --- every card its own key ------------------------------------------------------------------------------------------


def test_crd_every_card_has_a_key_of_its_own(either: KeyStore) -> None:
    keys = [octets(either.derive(str(number), algorithm)) for number in range(8) for algorithm in ("AES128", "AES256")]
    assert len({key[:16] for key in keys}) == len(keys)
    assert [len(either.derive("1", algorithm)) for algorithm in ("AES128", "AES192", "AES256")] == [16, 24, 32]
    assert octets(either.derive("1", "AES256")) == keys[3]


def test_a_new_generation_serves_new_cards_and_the_old_one_stays_readable(either: KeyStore) -> None:
    assert either.generation == 1
    old = octets(either.derive("123", "AES256"))
    assert either.rotate() == either.generation == 2
    assert octets(either.derive("123", "AES256")) == octets(either.derive("123", "AES256", 2)) != old
    assert octets(either.derive("123", "AES256", 1)) == old
    assert [master.generation for master in either.masters()] == [1, 2]
    for unknown in (0, 3, -1, 10**9):
        with pytest.raises(NotFoundError):
            either.derive("123", "AES256", unknown)


def test_a_generation_that_no_card_needs_is_taken_away_and_the_newest_never(either: KeyStore) -> None:
    with pytest.raises(UsageError) as caught:
        either.retire(1)
    assert caught.value.reason == "newest"
    assert either.rotate() == 2
    kept = octets(either.derive("1", "AES256"))
    either.retire(1)
    assert [master.generation for master in either.masters()] == [2]
    for act in (lambda: either.derive("1", "AES256", 1), lambda: either.retire(1), lambda: either.retire(7)):
        with pytest.raises(NotFoundError):
            act()
    assert octets(either.derive("1", "AES256", 2)) == kept
    assert either.rotate() == 3


def test_batch_keys_serve_the_serials_of_their_batch(either: KeyStore) -> None:
    either.add_batch(BATCH, Secret.of(BATCH_KEY))
    either.add_batch(Batch("A0", "AF"), Secret.of(bytes(32)))
    either.add_batch(Batch("..-0", "..-9"), Secret.of(bytes(24)))
    enc, mac = (octets(key) for key in either.channel("10000001"))
    assert len(enc) == len(mac) == 16
    assert enc != mac
    assert [len(key) for key in either.channel("AC")] == [32, 32]
    assert [len(key) for key in either.channel("..-5")] == [24, 24]
    assert either.batches() == (Batch("A0", "AF"), Batch("..-0", "..-9"), BATCH)
    for serial in ("09999999", "11000000", "1000000", "100000000", "B0"):
        with pytest.raises(NotFoundError):
            either.channel(serial)


def test_a_batch_is_kept_once_and_has_a_key_of_aes(either: KeyStore) -> None:
    either.add_batch(BATCH, Secret.of(BATCH_KEY))
    for batch, key, reason in (
        (Batch("10500000", "20000000"), bytes(16), "overlap"),
        (Batch("00000000", "99999999"), bytes(16), "overlap"),
        (BATCH, BATCH_KEY, "overlap"),
        (Batch("30000000", "30000001"), bytes(17), "length"),
        (Batch("30000000", "30000001"), b"", "length"),
    ):
        with pytest.raises(UsageError) as caught:
            either.add_batch(batch, Secret.of(key))
        assert caught.value.reason == reason
    assert either.batches() == (BATCH,)


@pytest.mark.parametrize(
    ("first", "last"), [("1", "22"), ("2", "1"), ("", ""), ("é", "é"), ("1 ", "2 "), ("1" * 65, "2" * 65)]
)
def test_a_batch_is_serials_of_one_length_in_order(first: str, last: str) -> None:
    with pytest.raises(UsageError):
        Batch(first, last)


@pytest.mark.parametrize("serial", ["", "é", "1 2", "1\n", "\x7f", "1" * 65])
def test_no_key_is_derived_for_what_is_no_serial_or_no_algorithm(either: KeyStore, serial: str) -> None:
    either.add_batch(Batch("1" * 64, "2" * 64), Secret.of(BATCH_KEY))
    with pytest.raises(UsageError):
        either.derive(serial, "AES256")
    with pytest.raises(UsageError):
        either.channel(serial)
    with pytest.raises(UsageError):
        either.derive("1", "3DES")


@settings(deadline=None)
@given(key=st.binary(min_size=32, max_size=32), label=st.binary(max_size=40), serial=SERIALS, length=st.integers(1, 64))
def test_sp_800_108_counter_mode_is_that_of_cryptography(key: bytes, label: bytes, serial: str, length: int) -> None:
    """The HSM's KDF is composed of CMACs here; the file's is the library's."""

    def prf(data: bytes) -> bytes:
        mac = CMAC(AES(key))
        mac.update(data)
        return mac.finalize()

    theirs = FileKeyStore._kdf(object.__new__(FileKeyStore), Secret.of(key), label, serial.encode(), length)
    assert octets(counter_mode(prf, label, serial.encode(), length)) == octets(theirs)


@NEEDS_HSM
@pytest.mark.parametrize("size", [16, 24, 32])
def test_the_hsm_derives_what_the_file_derives_of_the_same_key(store: FileKeyStore, hsm: HSM, size: int) -> None:
    """A batch key is the one key that may be in both: master keys are made where they stay."""
    kept = HSMKeyStore.create(hsm)
    for either in (store, kept):
        either.add_batch(BATCH, Secret.of(bytes(range(size))))
    for serial in ("10000000", "10123456", "10999999"):
        assert [octets(key) for key in store.channel(serial)] == [octets(key) for key in kept.channel(serial)]


@NEEDS_HSM
def test_the_hsm_derives_administration_keys_as_the_file_does(store: FileKeyStore, hsm: HSM) -> None:
    """For the same master key: one is brought into the HSM under the label of a generation, as a keeper who moves would."""
    master = store._master(1)
    assert master is not None
    hsm.use("import", lambda token: token.import_secret("zorgid-card master 1", master))
    kept = HSMKeyStore.create(hsm)
    for serial, algorithm in (("1", "AES128"), ("123456789", "AES192"), ("9" * 20, "AES256")):
        assert octets(kept.derive(serial, algorithm)) == octets(store.derive(serial, algorithm))


# --- the file --------------------------------------------------------------------------------------------------------


def test_the_file_is_for_its_owner_and_opens_by_the_passphrase(store: FileKeyStore, tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    store.add_batch(BATCH, Secret.of(BATCH_KEY))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert octets(FileKeyStore.open(path, PASSPHRASE).derive("1", "AES256")) == octets(store.derive("1", "AES256"))
    with pytest.raises(PassphraseError):
        FileKeyStore.open(path, Secret.of(b"correct horse battery stapl"))
    with pytest.raises(StorageError):
        FileKeyStore.create(path, PASSPHRASE)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["master.key", "master.key.lock"]
    assert (tmp_path / "master.key.lock").stat().st_size == 0


def test_no_key_stands_in_the_file_in_clear_nor_in_a_repr(store: FileKeyStore, tmp_path: Path) -> None:
    store.add_batch(BATCH, Secret.of(BATCH_KEY))
    master = store._master(1)
    assert master is not None
    text = (tmp_path / "master.key").read_text()
    for key in (octets(master), BATCH_KEY):
        assert key.hex() not in text + repr(store) + repr(vars(store))


def test_what_one_process_adds_a_running_one_sees(store: FileKeyStore, tmp_path: Path) -> None:
    other = FileKeyStore.open(tmp_path / "master.key", PASSPHRASE)
    assert other.rotate() == 2
    other.add_batch(BATCH, Secret.of(BATCH_KEY))
    assert store.generation == 2
    assert octets(store.derive("1", "AES256")) == octets(other.derive("1", "AES256", 2))
    assert store.rotate() == other.generation == 3


def test_a_store_behind_a_link_is_one_store_by_both_names(store: FileKeyStore, tmp_path: Path) -> None:
    """Two would each make a master key of generation 2 otherwise, and know nothing of the other's."""
    link = tmp_path / "elsewhere" / "master.key"
    link.parent.mkdir()
    link.symlink_to(tmp_path / "master.key")
    linked = FileKeyStore.open(link, PASSPHRASE)
    assert linked.rotate() == store.generation == 2
    assert store.rotate() == linked.generation == 3
    assert link.is_symlink()
    assert octets(store.derive("1", "AES256", 2)) == octets(linked.derive("1", "AES256", 2))
    with private_file.alone(tmp_path / "master.key"), pytest.raises(StorageError):
        linked.rotate()
    link.unlink()
    link.symlink_to(link)
    with pytest.raises(StorageError):
        FileKeyStore.open(link, PASSPHRASE)


def test_a_store_that_was_replaced_by_another_is_not_used(store: FileKeyStore, tmp_path: Path) -> None:
    FileKeyStore.create(tmp_path / "another", PASSPHRASE)
    (tmp_path / "another").replace(tmp_path / "master.key")
    with pytest.raises(StorageError) as caught:
        store.derive("1", "AES256")
    assert caught.value.reason == "replaced"


@pytest.mark.parametrize("lost", ["master", "batch"])
def test_an_older_copy_that_was_put_back_is_not_used(store: FileKeyStore, tmp_path: Path, lost: str) -> None:
    """A second master key of one generation would be made otherwise, and cards have keys of the first."""
    path = tmp_path / "master.key"
    older = path.read_bytes()
    if lost == "master":
        assert store.rotate() == 2
    else:
        store.add_batch(BATCH, Secret.of(BATCH_KEY))
    path.write_bytes(older)
    for act in (store.rotate, lambda: store.generation, store.batches):
        with pytest.raises(StorageError) as caught:
            act()
        assert caught.value.reason == "older"


def test_a_running_process_sees_what_was_retired_and_no_older_copy_brings_it_back(
    store: FileKeyStore, tmp_path: Path
) -> None:
    path = tmp_path / "master.key"
    store.rotate()
    older, running = path.read_bytes(), FileKeyStore.open(path, PASSPHRASE)
    store.retire(1)
    with pytest.raises(NotFoundError):
        running.derive("1", "AES256", 1)
    assert [master.generation for master in FileKeyStore.open(path, PASSPHRASE).masters()] == [2]
    store.rotate()
    assert [master.generation for master in running.masters()] == [2, 3]
    path.write_bytes(older)
    with pytest.raises(StorageError) as caught:
        running.masters()
    assert caught.value.reason == "older"


def test_the_passphrase_is_changed_and_who_has_the_store_open_opens_it_again(
    store: FileKeyStore, tmp_path: Path
) -> None:
    path, new = tmp_path / "master.key", Secret.of(b"another")
    running, before = FileKeyStore.open(path, PASSPHRASE), octets(store.derive("1", "AES256"))
    with pytest.raises(PassphraseError):
        store.change_passphrase(Secret.of(b""))
    store.change_passphrase(new)
    with pytest.raises(PassphraseError):
        FileKeyStore.open(path, PASSPHRASE)
    for one in (store, FileKeyStore.open(path, new)):
        assert octets(one.derive("1", "AES256")) == before
    with pytest.raises(StorageError) as caught:
        running.derive("1", "AES256")
    assert caught.value.reason == "replaced"
    assert store.rotate() == 2


def test_many_that_rotate_at_once_lose_no_key(store: FileKeyStore, tmp_path: Path) -> None:
    """Each makes a generation, or is told that somebody else is at it: no generation is made twice."""
    stores = [FileKeyStore.open(tmp_path / "master.key", PASSPHRASE) for _ in range(4)]
    made: list[int] = []

    def work(one: FileKeyStore) -> None:
        for _ in range(5):
            with suppress(StorageError):
                made.append(one.rotate())

    threads = [threading.Thread(target=work, args=(one,)) for one in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == list(range(2, len(made) + 2))
    assert store.generation == len(made) + 1 > 1
    keys = {octets(one.derive("1", "AES256", generation)) for one in stores for generation in (1, *made)}
    assert len(keys) == len(made) + 1


def test_whoever_changes_it_is_alone_and_a_lock_dies_with_its_process(store: FileKeyStore, tmp_path: Path) -> None:
    held, end = multiprocessing.get_context("fork").Pipe()
    child = multiprocessing.get_context("fork").Process(target=_hold, args=(tmp_path / "master.key", end))
    child.start()
    held.recv()
    with pytest.raises(StorageError) as error:
        store.rotate()
    assert error.value.reason == "lock"
    child.kill()
    child.join()
    assert store.rotate() == 2


def _hold(path: Path, held: Any) -> None:
    with private_file.alone(path):
        held.send(None)
        signal.pause()


def test_a_store_that_is_full_is_told_and_stays_readable(
    store: FileKeyStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file longer than what is read of one would never open again, and with it all keys of all cards would be lost."""
    monkeypatch.setattr(keystore, "MAX_FILE", 2000)
    with pytest.raises(StorageError) as caught:
        rotate_for_ever(store)
    assert caught.value.reason == "too many keys"
    assert FileKeyStore.open(tmp_path / "master.key", PASSPHRASE).generation == store.generation > 1


def rotate_for_ever(store: FileKeyStore) -> None:
    while store.rotate() < 100:
        pass


def test_a_new_master_key_is_on_the_disk_before_a_card_gets_a_key_of_it(
    store: FileKeyStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file's name too, which stands in its directory: a machine that loses its power keeps the new generation."""
    done: list[str] = []
    replace, fsync = os.replace, os.fsync

    def renamed(old: str, new: Path) -> None:
        replace(old, new)
        done.append("renamed")

    def kept(descriptor: int) -> None:
        fsync(descriptor)
        done.append("directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")

    monkeypatch.setattr(os, "replace", renamed)
    monkeypatch.setattr(os, "fsync", kept)
    store.rotate()
    assert done == ["file", "renamed", "directory"]


@pytest.mark.parametrize("spoil", ["index", "sealed", "nonce", "dropped", "range"])
def test_a_store_that_somebody_changed_does_not_open(store: FileKeyStore, tmp_path: Path, spoil: str) -> None:
    path = tmp_path / "master.key"
    store.rotate()
    store.add_batch(BATCH, Secret.of(BATCH_KEY))
    told: dict[str, Any] = json.loads(path.read_text())
    if spoil == "index":
        told["masters"][0]["generation"] = 7
    elif spoil == "dropped":
        told["masters"].pop()
    elif spoil == "range":
        told["batches"][0]["last"] = "99999999"
    else:
        told[spoil] = ("0" if told[spoil][0] != "0" else "1") + told[spoil][1:]
    path.write_text(json.dumps(told))
    with pytest.raises(PassphraseError):
        FileKeyStore.open(path, PASSPHRASE)


@settings(max_examples=50, deadline=None)
@given(text=st.binary(max_size=200) | st.recursive(
    st.none() | st.integers() | st.text(max_size=40), lambda inner: st.dictionaries(
        st.sampled_from(["version", "salt", "nonce", "sealed", "masters", "batches"]), inner) | st.lists(inner, max_size=3),
    max_leaves=8).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_a_file_that_is_no_key_store_is_a_typed_error(tmp_path_factory: pytest.TempPathFactory, text: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "hostile.key"
    path.write_bytes(text)
    with pytest.raises(StorageError):
        FileKeyStore.open(path, PASSPHRASE)


def test_a_file_that_never_ends_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        FileKeyStore.open(Path("/dev/zero"), PASSPHRASE)
    with pytest.raises(StorageError):
        FileKeyStore.open(tmp_path / "missing", PASSPHRASE)
    with pytest.raises(StorageError):
        FileKeyStore.create(tmp_path / "missing" / "master.key", PASSPHRASE)


def _derive_in_child(store: FileKeyStore | HSMKeyStore, answers: Any) -> None:
    try:
        store.derive("1", "AES256")
        answers.put("derived")
    except StorageError:
        answers.put("refused")
    except BaseException as error:
        answers.put(repr(error))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_store_that_was_opened_before_a_fork_is_refused_after_it(either: KeyStore) -> None:
    """Its keys are wiped there: no key of zeros is derived."""
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    child = context.Process(target=_derive_in_child, args=(either, answers))
    child.start()
    assert answers.get() == "refused"
    child.join()
    assert len(either.derive("1", "AES256")) == 32


# --- the HSM ---------------------------------------------------------------------------------------------------------


def pkcs11_tool(label: str, *arguments: str) -> str:
    command = ["pkcs11-tool", "--module", str(MODULE), "--token-label", label, "--login", "--pin", softhsm.PIN.decode()]
    ran = subprocess.run([*command, *arguments], capture_output=True, timeout=60, check=False, text=True)
    return ran.stdout + ran.stderr


def label_of(hsm: HSM) -> str:
    return repr(hsm).split("'")[1]


@NEEDS_HSM
@pytest.mark.skipif(shutil.which("pkcs11-tool") is None, reason="OpenSC's pkcs11-tool is not installed")
def test_keys_never_leave_the_hsm(hsm: HSM) -> None:
    """As somebody else's program sees them."""
    kept = HSMKeyStore.create(hsm)
    kept.add_batch(BATCH, Secret.of(BATCH_KEY))
    hsm.ca_key("root", make=True)
    listed = pkcs11_tool(label_of(hsm), "-O")
    assert {"zorgid-card master 1", "zorgid-card batch 10000000 10999999", "zorgid-card root"} <= {
        line.strip().removeprefix("label:").strip() for line in listed.splitlines()
    }
    private = [part for part in listed.split("\n") if "Access:" in part]
    assert sum("never extractable" in part for part in private) == 2  # the batch key came from outside
    assert sum("sensitive" in part for part in private) == 3
    told = pkcs11_tool(label_of(hsm), "--read-object", "--type", "secrkey", "--label", "zorgid-card master 1")
    assert "error" in told.lower()


@NEEDS_HSM
def test_a_key_that_could_leave_the_hsm_is_not_used(hsm: HSM) -> None:
    label = label_of(hsm)
    made = pkcs11_tool(label, "--keygen", "--key-type", "AES:32", "--label", "zorgid-card master 1", "--extractable")
    assert "master 1" in made, made
    with pytest.raises(HSMError) as caught:
        HSMKeyStore(hsm).derive("1", "AES256")
    assert caught.value.reason == "extractable"


@NEEDS_HSM
def test_two_keys_of_one_name_are_not_used(hsm: HSM) -> None:
    kept = HSMKeyStore.create(hsm)
    hsm.use("generate", lambda token: token.generate_secret("zorgid-card master 1", 32))
    with pytest.raises(HSMError) as caught:
        kept.derive("1", "AES256")
    assert caught.value.reason == "twice"


@NEEDS_HSM
def test_an_hsm_without_keys_says_so(hsm: HSM) -> None:
    for act in (lambda: HSMKeyStore(hsm).generation, lambda: HSMKeyStore(hsm).rotate(), lambda: hsm.ca_key("root")):
        with pytest.raises(HSMError) as caught:
            act()
        assert caught.value.reason == "missing"


@NEEDS_HSM
def test_labels_of_others_do_no_harm(hsm: HSM) -> None:
    kept = HSMKeyStore.create(hsm)
    for label in (
        "zorgid-card master x",
        "zorgid-card master 0",
        "zorgid-card master 007",
        "zorgid-card batch 1",
        "other",
    ):
        hsm.use("generate", lambda token, label=label: token.generate_secret(label, 32))
    assert (kept.generation, kept.batches()) == (1, ())


@NEEDS_HSM
def test_another_token_or_module_is_not_taken(token: Path, tmp_path: Path) -> None:
    with pytest.raises(HSMError) as caught:
        HSM(str(MODULE), "no such token", Secret.of(softhsm.PIN))
    assert caught.value.reason == "token"
    with pytest.raises(HSMError):
        HSM(tmp_path / "missing.so", "portal", Secret.of(softhsm.PIN))


def lose_session(hsm: HSM) -> None:
    """As when the HSM was restarted: the handle means nothing any more, and nobody is logged in."""
    token = hsm._token
    assert token._library.call("CloseSession", token._session[0]) == 0


@NEEDS_HSM
def test_a_session_that_was_lost_is_opened_anew(hsm: HSM) -> None:
    kept, key = HSMKeyStore.create(hsm), hsm.ca_key("root", make=True)
    before = octets(kept.derive("1", "AES256"))
    lose_session(hsm)
    assert octets(kept.derive("1", "AES256")) == before
    lose_session(hsm)
    assert key.sign(b"data", padding.PKCS1v15(), hashes.SHA256())


@NEEDS_HSM
def test_a_wrong_pin_opens_nothing_and_is_not_told(token: Path) -> None:
    label = f"portal {next(_tokens)}"
    softhsm.initialise(label)
    with pytest.raises(PassphraseError) as caught:
        HSM(str(MODULE), label, Secret.of(b"000000"))
    assert "000000" not in f"{caught.value!r}{caught.value.details}"


@NEEDS_HSM
def test_a_pin_that_was_refused_is_not_tried_again(hsm: HSM) -> None:
    """Not even when it would be right again: a portal never spends the tries of an HSM. SoftHSM sees a PIN that was changed by
    another process only when it starts, so the wrong one is put in the place of the right one.
    """
    kept, right = HSMKeyStore.create(hsm), hsm._pin
    hsm._pin = Secret.of(b"000000")
    lose_session(hsm)
    for _ in range(2):
        with pytest.raises(PassphraseError):
            kept.derive("1", "AES256")
    hsm._pin = right
    with pytest.raises(PassphraseError) as caught:
        kept.derive("1", "AES256")
    assert caught.value.reason == "refused before"


@NEEDS_HSM
def test_threads_share_an_hsm(hsm: HSM) -> None:
    kept = HSMKeyStore.create(hsm)
    expected = [octets(kept.derive(str(number), "AES256")) for number in range(4)]
    found: dict[tuple[int, int], bytes] = {}

    def work(thread: int) -> None:
        for number in range(4):
            found[thread, number] = octets(kept.derive(str(number), "AES256"))

    threads = [threading.Thread(target=work, args=(one,)) for one in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {key: expected[key[1]] for key in found} == found
    assert len(found) == 16


# --- the CA in the HSM -----------------------------------------------------------------------------------------------


@NEEDS_HSM
def test_a_ca_in_the_hsm_issues_and_revokes_and_openssl_agrees(hsm: HSM, tmp_path: Path) -> None:
    made = Authority.certify(tmp_path / "ca", hsm.ca_key("root", make=True), hsm.ca_key("issuing", make=True))
    ca = Authority.load(tmp_path / "ca", hsm.ca_key("root"), hsm.ca_key("issuing"))
    assert ca.chain == made.chain
    assert sorted(path.name for path in (tmp_path / "ca").iterdir()) == ["issuing.cert.pem", "root.cert.pem"]
    now, card = datetime.now(UTC), SoftwareSigner(ec.generate_private_key(ec.SECP256R1()))
    good, bad = (
        ca.issue(AUTHENTICITY, JAN, card.public_key, serial=new_serial(), not_before=now, guid=bytes(16))
        for _ in range(2)
    )
    revoked = [(x509.load_der_x509_certificate(bad).serial_number, now, "certificateHold")]
    crl = ca.sign_crl(revoked, 1, now, now + timedelta(days=2))
    root_crl = ca.sign_crl((), 1, now, now + timedelta(days=2), root=True)
    lists = b"".join(x509.load_der_x509_crl(der).public_bytes(Encoding.PEM) for der in (crl, root_crl))
    (tmp_path / "crls.pem").write_bytes(lists)
    for name, der in (("good", good), ("bad", bad)):
        (tmp_path / f"{name}.pem").write_bytes(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM))
    answers = [
        subprocess.run(
            [
                *("openssl", "verify", "-x509_strict", "-crl_check_all", "-CRLfile", str(tmp_path / "crls.pem")),
                *("-CAfile", str(tmp_path / "ca" / "root.cert.pem")),
                *("-untrusted", str(tmp_path / "ca" / "issuing.cert.pem"), str(tmp_path / f"{name}.pem")),
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        for name in ("good", "bad")
    ]
    assert answers[0].returncode == 0, answers[0].stderr
    assert "certificate revoked" in answers[1].stderr


@NEEDS_HSM
def test_a_ca_key_signs_and_does_nothing_else(hsm: HSM) -> None:
    key = hsm.ca_key("root", make=True)
    assert hsm.ca_key("root", make=True).public_key().public_numbers() == key.public_key().public_numbers()
    signature = key.sign(b"data", padding.PKCS1v15(), hashes.SHA256())
    key.public_key().verify(signature, b"data", padding.PKCS1v15(), hashes.SHA256())
    for act in (
        lambda: key.decrypt(signature, padding.PKCS1v15()),
        key.private_numbers,
        lambda: key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        lambda: key.sign(b"data", padding.PKCS1v15(), hashes.SHA1()),
    ):
        with pytest.raises(TypeError):
            act()


@NEEDS_HSM
def test_a_ca_is_not_opened_with_another_key(hsm: HSM, tmp_path: Path) -> None:
    root, issuing = hsm.ca_key("root", make=True), hsm.ca_key("issuing", make=True)
    with pytest.raises(UsageError):
        Authority.certify(tmp_path / "ca", root, root)
    Authority.certify(tmp_path / "ca", root, issuing)
    with pytest.raises(StorageError):
        Authority.load(tmp_path / "ca", issuing, root)
    with pytest.raises(StorageError):
        Authority.certify(tmp_path / "ca", root, issuing)
