"""``zorgid-card simulate``: a simulated card behind vpcd, the virtual reader of pcscd, for other people's programs."""

from __future__ import annotations

import json
import signal
import ssl
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_certificate

from zorgid_card.cli.display import Display
from zorgid_card.errors import ReaderError, StorageError, TransportError, UsageError
from zorgid_card.secret import Secret
from zorgid_card.testkit.keys import KeyPool
from zorgid_card.testkit.maker import Maker
from zorgid_card.testkit.nist import VirtualNISTCard
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.testkit.piv_state import FACTORY_ADMINISTRATION_KEY, FACTORY_PIN, FACTORY_PUK
from zorgid_card.testkit.pki import UZITestPKI
from zorgid_card.testkit.uzi import DEFAULT_PIN, DEFAULT_PUK, VirtualUZIPass
from zorgid_card.testkit.uzi_profile import DE_LINDE, FATIMA_EL_AMRANI, FRONT_DESK, JAN_DE_VRIES, Function, PassType
from zorgid_card.testkit.vpcd import PORT, VPCDCard

SLOTS = 2
_POLL = 0.5
_PAD = b"\xff\x00"
_NIST = "-nist"
_PASS_TYPES = {"uzi-z": PassType.PROFESSIONAL, "uzi-n": PassType.EMPLOYEE, "uzi-m": PassType.ANONYMOUS}


class VPCDError(ReaderError):
    """No virtual reader answers at ``host``:``port``; ``reason`` is ``gone`` where one did before."""

    code = "reader.vpcd"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What may be chosen."""

    kind: str
    host: str = "127.0.0.1"
    port: int = PORT
    slot: int = 0
    state: Path | None = None
    key_algorithm: str = "RSA2048"
    activated: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """A card, and what its holder knows; it protects nothing. ``authorities``: CA certificates that came with it, PEM."""

    card: VirtualPIVCard | VirtualUZIPass
    pin: bytes
    puk: bytes
    authorities: bytes = b""


def simulate(display: Display, options: Options) -> None:
    """Serve the card until Ctrl-C or SIGTERM; then keep its state, if that is asked for.

    Raises:
        VPCDError: no virtual reader listens, or it went away.
        StorageError: the state cannot be read or written.
    """
    display.say("simulate.making", "dim")
    simulated = obtain(options)
    port = options.port + options.slot
    server = VPCDCard(simulated.card, options.host, port)
    try:
        with interruptible():
            try:
                server.start()
            except TransportError as error:
                raise VPCDError(str(error), host=options.host, port=port) from error
            _tell(display, options, simulated, port)
            while not server.wait(_POLL):
                pass
        raise VPCDError("the virtual reader went away", host=options.host, port=port, reason="gone")
    except KeyboardInterrupt:
        display.say("simulate.stopped", "dim")
    finally:
        server.stop()
        _keep(simulated, options.state)


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM is as good as Ctrl-C."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


# --- the card --------------------------------------------------------------------------------------------------------


def obtain(options: Options) -> Simulated:
    """The card of the state file, if there is one; else a new card."""
    if options.state is not None and options.state.exists():
        return _load(options.kind, options.state)
    makers: Mapping[str, Callable[[], Simulated]] = {
        "blank": lambda: _blank(Maker.create().blank()),
        "blank-nist": lambda: _blank(Maker.create().nist_blank()),
        "zorgid": lambda: _zorgid(options.key_algorithm),
        "zorgid-nist": lambda: _zorgid_nist(options.key_algorithm),
    }
    if options.kind in makers:
        if not options.activated:
            raise UsageError("only a pass is activated", reason="activation")
        made = makers[options.kind]()
    else:
        made = _uzi(_PASS_TYPES[options.kind], activated=options.activated)
    if made.authorities and options.state is not None:
        _write(options.state.with_name(f"{options.state.name}.ca.pem"), made.authorities)
    return made


def _blank(card: VirtualPIVCard) -> Simulated:
    return Simulated(card=card, pin=FACTORY_PIN.rstrip(_PAD), puk=FACTORY_PUK)


def _uzi(pass_type: PassType, *, activated: bool = True) -> Simulated:
    pki = UZITestPKI(pool=KeyPool())
    if pass_type is PassType.PROFESSIONAL:
        contents = pki.pass_(JAN_DE_VRIES, DE_LINDE, pass_type, role="01.015", title="Huisarts")
    else:
        contents = pki.pass_(FRONT_DESK if pass_type is PassType.ANONYMOUS else FATIMA_EL_AMRANI, DE_LINDE, pass_type)
    card = VirtualUZIPass(contents, activated=activated)
    authorities = "".join(map(ssl.DER_cert_to_PEM_cert, contents.chain)).encode()
    return Simulated(card=card, pin=DEFAULT_PIN, puk=DEFAULT_PUK, authorities=authorities)


def _zorgid(key_algorithm: str) -> Simulated:
    """A card made as cards are made: by the workflows of registration and creation, at a portal of its own."""
    from zorgid_card.cli.demo import acts, holder, stage, world  # noqa: PLC0415  # needs SQLAlchemy, which other kinds do not

    display = holder.unseen()
    desk = holder.KeepingHolder(display)
    with tempfile.TemporaryDirectory(prefix="zorgid-card-simulate-") as directory:
        made = world.World.build(Path(directory), key_algorithm)
        try:
            play = acts.Play(made, stage.Stage(display), desk)
            for act in (acts.request, acts.register, acts.create):
                act(play)
            authorities = world.pem("CERTIFICATE", *made.portal.services.authority.chain)
        finally:
            made.close()
    if play.card is None:
        raise StorageError("the card was not made", reason="card")
    return Simulated(card=play.card, pin=_bytes(desk.chosen), puk=_bytes(desk.puk), authorities=authorities)


def _zorgid_nist(key_algorithm: str) -> Simulated:
    """A card as a portal leaves it, from a test CA (:mod:`zorgid_card.testkit.zorgid`)."""
    from zorgid_card.testkit import zorgid  # noqa: PLC0415  # loads the CA, which other kinds do not need

    issuer = zorgid.ZorgIDTestIssuer()
    card = issuer.card(FATIMA_EL_AMRANI, algorithm=key_algorithm, nist=True)
    authorities = b"".join(load_der_x509_certificate(der).public_bytes(Encoding.PEM) for der in issuer.authority.chain)
    return Simulated(card=card, pin=zorgid.PIN, puk=zorgid.PUK, authorities=authorities)


def _bytes(secret: Secret) -> bytes:
    """Of a simulated card, whose secrets are there to be told."""
    with secret.expose() as octets:
        return bytes(octets)


# --- its state -------------------------------------------------------------------------------------------------------


def _load(kind: str, path: Path) -> Simulated:
    kept = _read(path)
    card = _kept(path)
    kept_kind = card.contents.pass_type if isinstance(card, VirtualUZIPass) else None
    if kept_kind != _PASS_TYPES.get(kind) or isinstance(card, VirtualNISTCard) is not kind.endswith(_NIST):
        raise UsageError("another kind of card is kept there", reason="kind", path=str(path))
    pin, puk = (bytes.fromhex(kept[name]["value"]).rstrip(_PAD) for name in ("pin", "puk"))
    return Simulated(card=card, pin=pin, puk=puk)


def _read(path: Path) -> dict[str, Any]:
    try:
        kept = json.loads(path.read_bytes())
    except OSError as error:
        raise StorageError(f"{path} cannot be read", reason=str(error.strerror), path=str(path)) from error
    except (ValueError, RecursionError):
        kept = None
    if not isinstance(kept, dict):
        raise StorageError(f"{path} holds no card", reason="foreign", path=str(path))
    return kept


def _kept(path: Path) -> VirtualPIVCard | VirtualUZIPass:
    """The card of either kind."""
    kinds: tuple[type[VirtualUZIPass | VirtualPIVCard], ...] = (VirtualUZIPass, VirtualPIVCard, VirtualNISTCard)
    for kind in kinds:
        with suppress(StorageError):
            return kind.load(path)
    raise StorageError(f"{path} holds no card", reason="foreign", path=str(path))


def _keep(simulated: Simulated, path: Path | None) -> None:
    if path is not None:
        simulated.card.save(path)


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise StorageError(f"{path} cannot be written", reason=str(error.strerror), path=str(path)) from error


# --- what is told ----------------------------------------------------------------------------------------------------


def _tell(display: Display, options: Options, simulated: Simulated, port: int) -> None:
    texts = display.texts
    display.say("simulate.ready", "bold", kind=texts(f"simulate.kind.{options.kind}"), host=options.host, port=port)
    pairs = [("pin", simulated.pin.decode()), ("puk", simulated.puk.decode())]
    if options.kind.startswith("blank"):
        pairs.append(("administration", FACTORY_ADMINISTRATION_KEY.hex()))
    pairs += _channel(simulated.card)
    pairs += _holder(simulated.card)
    if options.state is not None:
        pairs.append(("state", str(options.state)))
    display.facts((texts(f"simulate.{name}"), value) for name, value in pairs)
    display.say("simulate.try")
    reader = f"Virtual PCD 00 {options.slot:02d}"
    commands = [
        "opensc-tool --list-readers",
        f"opensc-tool --reader '{reader}' --name",
        f"zorgid-card inspect --reader '{reader}'",
        f"zorgid-card pin status --reader '{reader}'",
    ]
    if isinstance(simulated.card, VirtualUZIPass) and not simulated.card.activated:
        commands.append(f"zorgid-card activate --reader '{reader}'")
    if options.kind.startswith("zorgid"):
        commands.append(f"pkcs11-tool --slot {options.slot} --login --pin {simulated.pin.decode()} --test")
    for command in commands:
        display.line(f"  {command}")
    display.say("simulate.stop", "dim")


def _channel(card: VirtualPIVCard | VirtualUZIPass) -> list[tuple[str, str]]:
    """Its keys for SCP03, where it has that: they are made for this card, and protect nothing."""
    keys = None if isinstance(card, VirtualUZIPass) else card.channel_keys
    return [] if keys is None else [("channel_enc", keys.enc.hex()), ("channel_mac", keys.mac.hex())]


def _holder(card: VirtualPIVCard | VirtualUZIPass) -> list[tuple[str, str]]:
    if isinstance(card, VirtualPIVCard):
        return [("serial", str(card.serial))]
    holder = card.contents.holder
    if isinstance(holder, Function):
        return [("holder", holder.name)]
    return [("holder", holder.common_name), ("birth_date", holder.birth_date.isoformat())]
