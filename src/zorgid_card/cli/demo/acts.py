"""The six acts. Each drives the library as a portal and a card side do, and shows what happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeVar

from zorgid_card import recipes
from zorgid_card.adapters.qr import qr_lines, qr_png, qr_svg
from zorgid_card.cli.demo import narration
from zorgid_card.cli.demo.holder import Desk
from zorgid_card.cli.demo.narration import Hands, NarratedHolder
from zorgid_card.cli.demo.openssl import Judge
from zorgid_card.cli.demo.stage import DemonstrationError, DemonstrationStoppedError, Stage
from zorgid_card.cli.demo.world import ORIGIN, World, pem
from zorgid_card.cli.failures import about
from zorgid_card.errors import (
    DeclinedError,
    NotSignedError,
    OnHoldError,
    PairingError,
    PINBlockedError,
    PortalError,
    ReplayError,
    RevokedError,
    TransitionError,
    UserError,
    WrongPINError,
)
from zorgid_card.secret import Secret
from zorgid_card.testkit.phone import SimulatedPhone
from zorgid_card.testkit.piv import VirtualPIVCard
from zorgid_card.testkit.uzi import DEFAULT_PIN, VirtualUZIPass
from zorgid_card.testkit.uzi_profile import DE_LINDE, FATIMA_EL_AMRANI, JAN_DE_VRIES, Usage
from zorgid_card.texts import Texts
from zorgid_card.workflows import card_side, organisation
from zorgid_card.workflows.creation import CardCreation, Made
from zorgid_card.workflows.log_in import LoggedIn
from zorgid_card.workflows.management import Acting, Operator
from zorgid_card.workflows.phone_requests import PhoneLoggedIn
from zorgid_card.workflows.registration import Registered, Registration
from zorgid_card.workflows.session import PortalClient

CLIENT_VERSION = "1.0"
PLATFORM = "Windows"
"""The manuals' platform; the policy of the portal allows it whatever the computer of the demonstration is."""

T = TypeVar("T")
_OPERATOR = "ZORG-ID"
_CONTACT, _MAIL = "Jan de Vries", "j.devries@delinde.example"
_CAUSE = "keyCompromise"
_BROWSER, _OFFICE = "browser-1", "browser-2"


@dataclass(slots=True)
class Play:
    """What the acts share."""

    world: World
    stage: Stage
    desk: Desk
    registered: Registered | None = None
    phone: SimulatedPhone | None = None
    made: Made | None = None
    card: VirtualPIVCard | None = None

    def attempt(self, action: Callable[[], T], **known: str) -> T:
        """Do it; where the person said no, or entered something that is refused and may be tried again, ask and do it again.

        Args:
            action: what is done.
            known: what is known of it, for the sentences (:func:`~zorgid_card.cli.failures.about`).
        """
        while True:
            try:
                with about(**known):
                    return action()
            except (UserError, PortalError) as error:
                if isinstance(error, WrongPINError) and error.details.get("tries_left") == 0:
                    raise PINBlockedError from error
                if isinstance(error, DemonstrationStoppedError) or not error.retryable or not self.desk.again(error):
                    raise

    def optional(self, action: Callable[[], None]) -> bool:
        """Do it, unless the person says no and wants to go on without it; was it done?"""
        try:
            action()
        except DeclinedError as error:
            if isinstance(error, DemonstrationStoppedError) or not self.desk.leave_out():
                raise
            return False
        return True

    def now(self) -> datetime:
        """The portal's time."""
        return self.world.portal.services.clock()


# --- 1: request ------------------------------------------------------------------------------------------------------


def request(play: Play) -> None:
    """The organisation's request is filed and approved (ORG-1); what is needed is checked and shown (ORG-2)."""
    stage, services = play.stage, play.world.portal.services
    stage.act("request")
    management = play.world.portal.management
    filed = management.acting_as(None, DE_LINDE.ura).request(
        organisation_name=DE_LINDE.name, contact_name=_CONTACT, contact_email=_MAIL
    )
    stage.done("request.filed", "ORG-1", contact=filed.contact_name)
    texts = stage.texts
    stage.display.facts(((texts("fact.organisation"), filed.organisation_name), (texts("fact.ura"), filed.ura)))
    management.acting_as(Operator(_OPERATOR)).approve(filed.id, texts("request.reason"))
    stage.done("request.approved", "ORG-1", operator=_OPERATOR)
    needed = organisation.requirements(
        organisation.REGISTER,
        services.policy,
        client_version=CLIENT_VERSION,
        platform=PLATFORM,
        has_reader=True,
        has_phone=True,
    )
    stage.done("request.needed", "ORG-2")
    state = {True: "met", False: "unmet", None: "later"}
    stage.display.facts(
        (texts(f"need.{one.name}"), texts(f"need.{state[one.met]}", found=one.found, needed=one.needed))
        for one in needed
    )


# --- 2 and 3: register -----------------------------------------------------------------------------------------------


def register(play: Play) -> None:
    """The organisation is validated by a Z pass (ORG-3), its administrator registered (ORG-4), the phone linked (ORG-5, ORG-6)."""
    world, stage = play.world, play.stage
    stage.act("validate")
    play.desk.sit(JAN_DE_VRIES, DEFAULT_PIN)
    contents = world.pki.pass_(JAN_DE_VRIES, DE_LINDE, "Z", role="01.015", title="Huisarts")
    hands = Hands(world.reader, VirtualUZIPass(contents))
    holder = NarratedHolder(
        play.desk,
        stage,
        hands,
        "register",
        narration.REGISTER,
        acts={"birth-date": ("validated", "administrator")},
        late=narration.LATE,
    )

    def once() -> None:
        holder.begin()
        registration = Registration(world.recorded, PortalClient(world.portal.seam), holder, observer=stage.observe)
        play.registered = registration.register(platform=PLATFORM, client_version=CLIENT_VERSION)
        holder.finish()
        stage.done_once("register.administrator", "ORG-4", "ADM-5", user_name=play.registered.user_name)
        _link_phone(play, registration)
        holder.finish()

    play.attempt(once, card="uzi-pass", purpose="register")
    stage.done("phone.linked", "ORG-6")
    world.reader.remove()
    stage.display.say("phone.success", "green")


def _link_phone(play: Play, registration: Registration) -> None:
    stage = play.stage
    offered = registration.offer_phone()
    stage.done_once("phone.qr", "ORG-5")
    stage.display.code(qr_lines(offered.qr))
    for ending, image in (("svg", qr_svg(offered.qr)), ("png", qr_png(offered.qr))):
        play.world.write(f"phone-qr.{ending}", image)
    play.phone = phone = play.world.phone()
    phone.set_digits(play.desk.choose_digits())
    stage.done_once("phone.digits", "ORG-6")
    phone.scan(offered.qr)
    play.desk.phone_shows(phone.link())
    stage.done_once("phone.scanned", "ORG-5", "ORG-6")
    _scan_again(play, offered.qr)
    registration.link_phone(offered)


def _scan_again(play: Play, code: str) -> None:
    another = play.world.phone()
    another.set_digits(Secret.random_digits(6))
    another.scan(code)
    with play.stage.refusal(PairingError, "phone.scanned_again", "ORG-5"):
        another.link()


# --- 4: create -------------------------------------------------------------------------------------------------------


def create(play: Play) -> None:
    """A worker makes a ZORG-ID Smartcard with an N pass (CRD-1 to CRD-10)."""
    world, stage = play.world, play.stage
    stage.act("create")
    play.desk.sit(FATIMA_EL_AMRANI, DEFAULT_PIN)
    uzi_pass = VirtualUZIPass(world.pki.pass_(FATIMA_EL_AMRANI, DE_LINDE, "N"))
    play.card = world.maker.blank()
    hands = Hands(world.reader, uzi_pass, play.card)
    algorithm = world.portal.services.policy.creation.key_algorithm
    holder = NarratedHolder(play.desk, stage, hands, "create", narration.CREATE, algorithm=algorithm)

    def once() -> Made:
        holder.begin()
        creation = CardCreation(
            world.recorded, PortalClient(world.portal.seam), holder, world.journal, observer=stage.observe
        )
        return creation.run(platform=PLATFORM, client_version=CLIENT_VERSION)

    play.made = play.attempt(once, card="uzi-pass")
    holder.finish(user_name=play.made.user_name)
    stage.display.say("create.success", "green")
    authority = world.portal.services.authority
    (world.directory / "certificates").mkdir()
    world.write("certificates/card.pem", pem("CERTIFICATE", play.made.certificate))
    world.write("certificates/root.pem", pem("CERTIFICATE", authority.root))
    world.write("certificates/chain.pem", pem("CERTIFICATE", *authority.chain))
    world.write("certificates/uzi-pass.pem", pem("CERTIFICATE", uzi_pass.contents.certificates[Usage.AUTHENTICITY]))
    world.write("certificates/uzi-chain.pem", pem("CERTIFICATE", *uzi_pass.contents.chain))
    world.write("certificates/maker.pem", pem("CERTIFICATE", world.maker.root))


# --- 5: log in -------------------------------------------------------------------------------------------------------


def log_in(play: Play) -> None:
    """The new card logs in (AUT-1, AUT-2)."""
    stage, door = play.stage, play.world.portal.log_in
    stage.act("log-in")
    nonce = door.challenge(_BROWSER)
    stage.done("log-in.challenge", "AUT-1")
    token = play.attempt(lambda: _token(play, nonce))
    stage.done("log-in.signed", "AUT-1")
    with about(card="zorgid"):
        found = door.verify(token, binding=_BROWSER)
    stage.done("log-in.verified", "AUT-1", "AUT-2")
    stage.display.facts(_shown(stage.texts, found))
    with stage.refusal(ReplayError, "log-in.replayed", "AUT-1"):
        door.verify(token, binding=_BROWSER)


def _token(play: Play, nonce: str) -> str:
    with recipes.open_card(play.world.recorded, observer=play.stage.observe) as card:
        signer = card.authentication_signer(play.desk.card_pin)
        return card_side.log_in(signer, card.authentication_certificate(), origin=ORIGIN, nonce=nonce)


def _log_in_again(play: Play) -> LoggedIn:
    door = play.world.portal.log_in
    nonce = door.challenge(_BROWSER)
    token = play.attempt(lambda: _token(play, nonce))
    with about(card="zorgid"):
        return door.verify(token, binding=_BROWSER)


def _shown(texts: Texts, found: LoggedIn) -> tuple[tuple[str, str], ...]:
    return (
        (texts("fact.name"), found.common_name),
        (texts("fact.uzi-number"), found.uzi_number),
        (texts("fact.organisation"), found.organisation),
        (texts("fact.ura"), found.ura),
    )


# --- 6: manage -------------------------------------------------------------------------------------------------------


def manage(play: Play) -> None:
    """The administrator logs in with the phone (ORG-7), lists, blocks, unblocks and revokes (ADM-1 to ADM-4)."""
    stage = play.stage
    stage.act("manage")
    play.desk.sit(JAN_DE_VRIES, DEFAULT_PIN)
    person = play.attempt(lambda: _phone_log_in(play))
    stage.done("manage.logged_in", "ORG-7", name=f"{person.person.given_names} {person.person.surname}")
    manager = play.world.portal.management.acting_as(person.person.id, person.membership.ura)
    stage.done("manage.cards", "ADM-1")
    _show_cards(stage, manager)
    judge = _judge(play)
    if play.optional(partial(_block, play, manager, judge)):
        play.optional(partial(_unblock, play, manager, judge))
    play.optional(partial(_revoke, play, manager, judge))
    _show_cards(stage, manager)


def _block(play: Play, manager: Acting, judge: Judge) -> None:
    _change(play, manager, "block", "ADM-2")
    judge.expect("certificateHold", "ADM-2")
    with play.stage.refusal(OnHoldError, "manage.log-in.blocked", "ADM-2", "AUT-2"):
        _log_in_again(play)


def _unblock(play: Play, manager: Acting, judge: Judge) -> None:
    _change(play, manager, "unblock", "ADM-3")
    judge.expect(None, "ADM-3")
    _log_in_again(play)
    play.stage.done("manage.log-in.unblocked", "ADM-3", "AUT-2")


def _revoke(play: Play, manager: Acting, judge: Judge) -> None:
    _change(play, manager, "revoke", "ADM-4", cause=_CAUSE)
    judge.expect(_CAUSE, "ADM-4")
    with play.stage.refusal(RevokedError, "manage.log-in.revoked", "ADM-4", "AUT-2"):
        _log_in_again(play)
    with play.stage.refusal(TransitionError, "manage.unrevoke", "ADM-4"):
        manager.unblock(_serial(play), play.stage.texts("manage.unblock.reason"))


def _phone_log_in(play: Play) -> PhoneLoggedIn:
    stage, phone, door = play.stage, play.phone, play.world.portal.phones
    if phone is None or play.registered is None:
        raise DemonstrationError("no phone is linked")
    asked = door.ask(play.registered.user_name, play.registered.ura, binding=_OFFICE)
    stage.done_once("manage.asked", "ORG-7", number=asked.number)
    question = phone.question()
    if question is None:
        raise DemonstrationError("the phone was not asked")
    stage.display.say("phone.asks", "dim", origin=question.origin, organisation=question.organisation)
    phone.approve(question, number=play.desk.number(asked.number), digits=play.desk.digits())
    stage.done_once("manage.approved", "ORG-7")
    found = door.finish(asked.nonce, binding=_OFFICE)
    if found is None:
        raise DemonstrationError("the phone's approval did not arrive")
    return found


def _serial(play: Play) -> str:
    if play.made is None:
        raise DemonstrationError("no card was made")
    return play.made.serial


def _change(play: Play, manager: Acting, name: str, rule: str, **detail: str) -> None:
    """The phone signs just this change; without that nothing is changed."""
    reason, serial = play.desk.reason(name), _serial(play)
    change: Callable[..., object] = getattr(manager, name)
    if name == "block":
        with play.stage.refusal(NotSignedError, "manage.unsigned", rule):
            change(serial, reason)
    play.attempt(lambda: _sign(play, f"card.{name}", serial, reason, rule, detail))
    change(serial, reason, **detail)
    play.stage.done(f"manage.{name}", rule, reason=reason)


def _sign(play: Play, action: str, serial: str, reason: str, rule: str, detail: dict[str, str]) -> None:
    stage, door = play.stage, play.world.portal.phones
    if play.phone is None or play.registered is None:
        raise DemonstrationError("no phone is linked")
    who, ura = play.registered.person, play.registered.ura
    asked = door.ask_approval(who, ura, binding=_OFFICE, action=action, subject=serial, reason=reason, **detail)
    stage.display.say("manage.asked", "dim", number=asked.number)
    question = play.phone.question()
    if question is None:
        raise DemonstrationError("the phone was not asked")
    what = stage.texts(f"action.{action}")
    stage.display.say("phone.asks_change", "dim", what=what, subject=serial, about=question.about, reason=reason)
    play.phone.approve(question, number=play.desk.number(asked.number), digits=play.desk.digits())
    stage.done("manage.signed", rule, what=what)


def _show_cards(stage: Stage, manager: Acting) -> None:
    texts = stage.texts
    rows = [
        (
            row.card.serial,
            f"{row.person.given_names} {row.person.surname}",
            texts(f"state.{row.card.state}"),
            row.not_after.date().isoformat() if row.not_after else "",
            row.card.last_used_at.strftime("%Y-%m-%d") if row.card.last_used_at else "",
        )
        for row in manager.list_cards().rows
    ]
    stage.display.table([texts(f"cards.{name}") for name in ("serial", "holder", "state", "valid", "used")], rows)


def _judge(play: Play) -> Judge:
    if play.made is None:
        raise DemonstrationError("no card was made")
    return Judge(play.world, play.stage, play.made.certificate)


ACTS: tuple[Callable[[Play], None], ...] = (request, register, create, log_in, manage)
"""In their order; :func:`register` plays two."""
