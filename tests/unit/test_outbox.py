"""Notices: kept with what they tell of, sent by any worker at least once, by one at a time, retried and given up (ORG-1)."""

from __future__ import annotations

import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from registry_world import Clock, registry
from zorgid_card.adapters.data_keys import MemoryDataKeys
from zorgid_card.adapters.smtp import SMTPNotifier
from zorgid_card.adapters.sql import SQLRegistry
from zorgid_card.errors import FetchError, NotFoundError, TransitionError, UsageError
from zorgid_card.ports.notices import Letter
from zorgid_card.ports.registry import Notice
from zorgid_card.secret import Secret
from zorgid_card.workflows import organisation
from zorgid_card.workflows.letters import LANGUAGES, LETTERS, written
from zorgid_card.workflows.outbox import LEASE, TRIES, Outbox, again, put, wait_after

VALUES = {"organisation": "Praktijk", "contact": "J. Jansen", "ura": "90000382", "reason": "in order"}
TO = "j@praktijk.example"


class Post:
    """A notifier that keeps letters, or fails as it is told."""

    def __init__(self, *fails: str) -> None:
        self.letters: list[Letter] = []
        self.fails = list(fails)

    def send(self, letter: Letter, /) -> None:
        if self.fails:
            raise FetchError("no", reason=self.fails.pop(0))
        self.letters.append(letter)


class Told:
    def __init__(self) -> None:
        self.events: Counter[str] = Counter()

    def happened(self, name: str, times: int = 1, /) -> None:
        self.events[name] += times


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store() -> SQLRegistry:
    return registry()


def notice(store: SQLRegistry, clock: Clock, to: str = TO) -> str:
    with store.begin() as unit:
        return put(unit, clock(), "request.approve", to, **VALUES).id


def state(store: SQLRegistry, notice_id: str) -> tuple[str, int, str | None]:
    with store.begin() as unit:
        found = unit.get(Notice, notice_id)
    return found.state, found.tries, found.error


# --- kept -------------------------------------------------------------------------------------------------------------


def filed(store: SQLRegistry, clock: Clock) -> str:
    with store.begin() as unit:
        return organisation.file_request(
            unit, ura="90000382", organisation_name="Praktijk", contact_name="J. Jansen", contact_email=TO, now=clock()
        ).id


@pytest.mark.parametrize(
    ("decide", "word"), [(organisation.approve, "goedgekeurd"), (organisation.reject, "afgewezen")]
)
def test_org_1_who_filed_a_request_is_told_that_it_has_been_processed(
    store: SQLRegistry, clock: Clock, decide: Any, word: str
) -> None:
    request = filed(store, clock)
    with store.begin() as unit:
        decide(unit, request, operator="Ria", reason="dossier 12", now=clock())
    post = Post()
    assert Outbox(store, post, clock).deliver() == 1
    (letter,) = post.letters
    assert letter.recipient == TO
    assert letter.subject == f"Uw aanvraag voor Praktijk is {word}"
    assert "dossier 12" in letter.body


def test_a_notice_of_what_was_rolled_back_is_never_sent(store: SQLRegistry, clock: Clock) -> None:
    request = filed(store, clock)
    with pytest.raises(KeyError), store.begin() as unit:  # noqa: PT012
        organisation.approve(unit, request, operator="Ria", reason="dossier 12", now=clock())
        raise KeyError
    assert Outbox(store, Post(), clock).deliver() == 0


def test_to_whom_and_what_lies_sealed_and_is_gone_once_it_is_sent(tmp_path: Path, clock: Clock) -> None:
    store = SQLRegistry.file(tmp_path / "registry.db")
    store.create()
    waiting = notice(store, clock)
    store.close()
    assert TO.encode() not in (tmp_path / "registry.db").read_bytes()
    Outbox(store, Post(), clock).deliver()
    with store.begin() as unit:
        sent = unit.get(Notice, waiting)
    assert (sent.state, sent.recipient, sent.data, sent.done_at) == ("sent", "", "{}", clock())


def test_what_cannot_be_written_is_refused_before_it_is_kept(store: SQLRegistry, clock: Clock) -> None:
    for kind, values in (("request.approve", {}), ("nothing", VALUES)):
        with pytest.raises(KeyError), store.begin() as unit:
            put(unit, clock(), kind, TO, **values)


@pytest.mark.parametrize("kind", LETTERS)
def test_every_letter_is_there_in_both_languages_and_braces_in_a_name_are_only_braces(kind: str) -> None:
    told = {written(kind, language, VALUES | {"contact": "{ura} {0}"}) for language in LANGUAGES}
    assert len(told) == 2
    assert all("{ura} {0}" in body for _, body in told)


# --- tried ------------------------------------------------------------------------------------------------------------


def test_what_fails_is_tried_again_later_and_later(store: SQLRegistry, clock: Clock) -> None:
    waiting, post, told = notice(store, clock), Post("unreachable", "unreachable"), Told()
    outbox = Outbox(store, post, clock, told)
    assert outbox.deliver() == 0
    assert state(store, waiting) == ("waiting", 1, "unreachable")
    assert outbox.deliver() == 0
    assert state(store, waiting)[1] == 1
    clock.forward(minutes=1)
    outbox.deliver()
    clock.forward(minutes=1)
    assert outbox.deliver() == 0
    clock.forward(minutes=1)
    assert outbox.deliver() == 1
    assert state(store, waiting) == ("sent", 3, None)
    assert told.events == {"notice.failed": 2, "notice.sent": 1}


def test_waiting_doubles_and_is_bounded() -> None:
    waits = [wait_after(tries) for tries in range(1, TRIES)]
    assert waits[:3] == [timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=4)]
    assert max(waits) == timedelta(hours=6)
    assert timedelta(days=1) < sum(waits, timedelta()) < timedelta(days=3)


def test_after_so_many_tries_it_is_given_up_and_an_operator_may_have_it_tried_anew(
    store: SQLRegistry, clock: Clock
) -> None:
    waiting, post, told = notice(store, clock), Post(*["unreachable"] * TRIES), Told()
    outbox = Outbox(store, post, clock, told)
    for _ in range(TRIES + 3):
        outbox.deliver()
        clock.forward(hours=6)
    assert state(store, waiting) == ("dead", TRIES, "unreachable")
    assert told.events["notice.dead"] == 1
    with store.begin() as unit:
        again(unit, waiting, clock())
        with pytest.raises(TransitionError):
            again(unit, waiting, clock())
        with pytest.raises(NotFoundError):
            again(unit, "nothing", clock())
    assert outbox.deliver() == 1


def test_an_address_that_is_refused_is_not_tried_again(store: SQLRegistry, clock: Clock) -> None:
    waiting = notice(store, clock)
    Outbox(store, Post("refused"), clock).deliver()
    assert state(store, waiting) == ("dead", 1, "refused")


def test_one_that_fails_does_not_hold_up_the_others(store: SQLRegistry, clock: Clock) -> None:
    for _ in range(3):
        notice(store, clock)
    assert Outbox(store, Post("unreachable"), clock).deliver() == 2


def test_one_that_somebody_has_changed_does_not_hold_up_the_others(store: SQLRegistry, clock: Clock) -> None:
    changed, _ = notice(store, clock), notice(store, clock)
    with store.begin() as unit:
        unit.replace(replace(unit.get(Notice, changed), kind="no such letter"))
    assert Outbox(store, Post(), clock).deliver() == 1
    assert state(store, changed) == ("dead", 1, "refused")


class Killed(BaseException):
    """The worker is no more."""


def test_what_a_dead_worker_had_taken_is_sent_by_another_after_its_time(store: SQLRegistry, clock: Clock) -> None:
    class Deadly:
        def send(self, letter: Letter, /) -> None:
            raise Killed

    waiting = notice(store, clock)
    with pytest.raises(Killed):
        Outbox(store, Deadly(), clock).deliver()
    other = Outbox(store, Post(), clock)
    assert other.deliver() == 0
    clock.now += LEASE
    assert other.deliver() == 1
    assert state(store, waiting) == ("sent", 2, None)


def test_a_worker_killed_at_every_try_leaves_a_dead_notice_and_not_one_that_is_tried_for_ever(
    store: SQLRegistry, clock: Clock
) -> None:
    class Deadly:
        def send(self, letter: Letter, /) -> None:
            raise Killed

    waiting = notice(store, clock)
    for _ in range(TRIES):
        with pytest.raises(Killed):
            Outbox(store, Deadly(), clock).deliver()
        clock.now += LEASE
    assert Outbox(store, Deadly(), clock).deliver() == 0
    assert state(store, waiting) == ("dead", TRIES, "lost")


def test_a_worker_that_took_too_long_does_not_undo_what_another_did(store: SQLRegistry, clock: Clock) -> None:
    post = Post()

    class Slow:
        def send(self, letter: Letter, /) -> None:
            clock.now += LEASE
            assert Outbox(store, post, clock).deliver() == 1
            raise FetchError("too late", reason="unreachable")

    waiting = notice(store, clock)
    assert Outbox(store, Slow(), clock).deliver() == 0
    assert state(store, waiting) == ("sent", 2, None)


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_workers_that_come_together_send_each_notice_once(
    request: pytest.FixtureRequest, tmp_path: Path, clock: Clock, database: str
) -> None:
    keys = MemoryDataKeys()
    where = f"sqlite:///{tmp_path}/r.db" if database == "sqlite" else request.getfixturevalue("server").database()
    workers = [SQLRegistry(where, keys) for _ in range(4)]
    workers[0].create()
    ids = sorted(notice(workers[0], clock) for _ in range(12))
    post, counts = Post(), []
    threads = [
        threading.Thread(target=lambda worker=worker: counts.append(Outbox(worker, post, clock).deliver()))
        for worker in workers
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == 12
    assert sorted(letter.id for letter in post.letters) == ids
    for worker in workers:
        worker.close()


# --- sent by SMTP, to a real server -----------------------------------------------------------------------------------


class Mailbox:
    """What arrives at a mail server, which answers as it is told."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.answers: dict[str, str] = {}

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if "RCPT" in self.answers:
            return self.answers["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if "DATA" in self.answers:
            return self.answers["DATA"]
        self.mails.append(cast(EmailMessage, message_from_bytes(envelope.content, policy=policy.default)))
        return "250 OK"


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The server's side, and one that trusts it."""
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail")]),
    )
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.PEM)
    )
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + certificate)
    mine = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    mine.load_cert_chain(path)
    return mine, ssl.create_default_context(cadata=certificate.decode())


class Office(Controller):
    """A mail server on a port of its own."""

    def __init__(self, mailbox: Mailbox, **options: Any) -> None:
        super().__init__(mailbox, hostname="localhost", port=0, **options)

    def _trigger_server(self) -> None:
        """It is there once it listens; on which port shows only now."""
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def office(mailbox: Mailbox, tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> Iterator[Office]:
    def judge(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        right = (data.login, data.password) == (b"portal", b"wachtwoord")
        return AuthResult(success=right, handled=False)

    office = Office(mailbox, tls_context=tls[0], require_starttls=True, authenticator=judge, auth_require_tls=True)
    office.start()
    yield office
    office.stop()


LETTER = Letter(
    id="n1", recipient=TO, subject="Uw aanvraag voor “Zoë” is goedgekeurd", body="Beste é,\n\n" + "lang " * 400
)


def test_a_letter_goes_over_tls_to_a_real_server(
    office: Office, mailbox: Mailbox, tls: tuple[Any, ssl.SSLContext]
) -> None:
    SMTPNotifier("localhost", "portal@zorgid.example", port=office.port, context=tls[1]).send(LETTER)
    (mail,) = mailbox.mails
    assert mail["To"] == TO
    assert mail["From"] == "portal@zorgid.example"
    assert mail["Subject"] == LETTER.subject
    assert mail["Message-ID"] == "<n1@zorgid.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content().replace("\r\n", "\n").strip() == LETTER.body.strip()


def test_a_server_that_wants_a_password_gets_it(
    office: Office, mailbox: Mailbox, tls: tuple[Any, ssl.SSLContext]
) -> None:
    def notifier(password: str) -> SMTPNotifier:
        secret = Secret.take(bytearray(password.encode()))
        return SMTPNotifier(
            "localhost", "portal@zorgid.example", port=office.port, context=tls[1], user="portal", password=secret
        )

    notifier("wachtwoord").send(LETTER)
    assert len(mailbox.mails) == 1
    with pytest.raises(FetchError) as error:
        notifier("verkeerd").send(LETTER)
    assert error.value.reason == "login"


@pytest.mark.parametrize(
    ("at", "answer", "reason"),
    [
        ("RCPT", "550 no such mailbox", "refused"),
        ("RCPT", "451 greylisted, come again", "recipient"),
        ("DATA", "554 spam", "refused"),
        ("DATA", "452 full", "data"),
    ],
)
def test_what_the_server_refuses_for_good_is_told_apart(
    office: Office, mailbox: Mailbox, tls: tuple[Any, ssl.SSLContext], at: str, answer: str, reason: str
) -> None:
    mailbox.answers[at] = answer
    with pytest.raises(FetchError) as error:
        SMTPNotifier("localhost", "portal@zorgid.example", port=office.port, context=tls[1]).send(LETTER)
    assert error.value.reason == reason
    assert TO not in str(error.value)


def test_a_server_with_another_certificate_gets_nothing(office: Office, mailbox: Mailbox) -> None:
    with pytest.raises(FetchError) as error:
        SMTPNotifier("localhost", "portal@zorgid.example", port=office.port).send(LETTER)
    assert (error.value.reason, mailbox.mails) == ("unreachable", [])


def test_a_server_without_tls_gets_nothing_and_none_at_all_is_unreachable(mailbox: Mailbox) -> None:
    office = Office(mailbox)
    office.start()
    try:
        with pytest.raises(FetchError) as error:
            SMTPNotifier("localhost", "portal@zorgid.example", port=office.port).send(LETTER)
        assert (error.value.reason, mailbox.mails) == ("unsupported", [])
        SMTPNotifier("localhost", "portal@zorgid.example", port=office.port, security="none").send(LETTER)
        assert len(mailbox.mails) == 1
    finally:
        office.stop()
    with pytest.raises(FetchError) as error:
        SMTPNotifier("localhost", "portal@zorgid.example", port=office.port, security="none").send(LETTER)
    assert error.value.reason == "unreachable"


@pytest.mark.parametrize(
    "recipient",
    ["a,b@x.example", "a@x.example\r\nBcc: c@x.example", "<a@x.example>", "a b@x.example", "", "a@[x.example"],
)
def test_an_address_that_only_looks_like_one_is_refused(recipient: str) -> None:
    notifier = SMTPNotifier("localhost", "portal@zorgid.example", port=1, security="none")
    with pytest.raises(FetchError) as error:
        notifier.send(Letter(id="n1", recipient=recipient, subject="x", body="x"))
    assert error.value.reason == "refused"


def test_a_password_does_not_go_in_clear() -> None:
    for options in (
        {"security": "none", "password": Secret.take(bytearray(b"x"))},
        {"security": "ssl3"},
        {"password": Secret.take(bytearray("é".encode()))},
    ):
        with pytest.raises(UsageError):
            SMTPNotifier("localhost", "portal@zorgid.example", **options)  # type: ignore[arg-type]
