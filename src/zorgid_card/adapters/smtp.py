"""Notices by e-mail (RFC 5321), through a mail server of the portal's own."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import localtime
from typing import Final

from zorgid_card.errors import FetchError, UsageError
from zorgid_card.ports.notices import Letter
from zorgid_card.secret import Secret

STARTTLS: Final = "starttls"
IMPLICIT: Final = "tls"
NONE: Final = "none"

REFUSED: Final = "refused"
_TIMEOUT: Final = 20.0


class SMTPNotifier:
    """Sends letters through one mail server (:class:`~zorgid_card.ports.notices.Notifier`), each over a connection of its own.

    Args:
        host: of the server; its certificate must be for this name.
        sender: address that letters come from.
        port: 587 by default, 465 with ``tls``.
        security: ``starttls`` (RFC 3207), ``tls`` (RFC 8314), or ``none``: for a server on this machine only.
        user: to log in as, if the server wants that.
        password: of that user, ASCII.
        context: which certificates are trusted; None: the system's.

    Raises:
        UsageError: ``security`` is none of these, or a password would go in clear, or is not ASCII (``password``).
    """

    def __init__(
        self,
        host: str,
        sender: str,
        *,
        port: int | None = None,
        security: str = STARTTLS,
        user: str | None = None,
        password: Secret | None = None,
        context: ssl.SSLContext | None = None,
    ) -> None:
        if security not in (STARTTLS, IMPLICIT, NONE):
            raise UsageError("security is starttls, tls or none", reason="security")
        if security == NONE and password is not None:
            raise UsageError("a password does not go in clear", reason="security")
        if password is not None and not _is_ascii(password):
            raise UsageError("no password for a mail server: it is not ASCII", reason="password")
        self._host, self._port = host, port or (465 if security == IMPLICIT else 587)
        self._sender = Address(addr_spec=sender)
        self._security, self._user, self._password = security, user, password
        self._context = context or ssl.create_default_context()

    def send(self, letter: Letter, /) -> None:
        """Send one; see :meth:`zorgid_card.ports.notices.Notifier.send`."""
        message = self._message(letter)
        with _translated(), self._connection() as server:
            server.send_message(message, to_addrs=[letter.recipient])

    def _message(self, letter: Letter) -> EmailMessage:
        message = EmailMessage()
        try:
            message["From"] = self._sender
            message["To"] = Address(addr_spec=letter.recipient)
            message["Subject"] = letter.subject
        except (ValueError, LookupError, AttributeError, MessageError) as error:  # an address that only looked like one
            raise FetchError("no mail can be addressed like this", reason=REFUSED) from error
        message["Date"] = localtime()
        message["Message-ID"] = f"<{letter.id}@{self._sender.domain}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: whoever is away does not answer
        message.set_content(letter.body)
        return message

    @contextmanager
    def _connection(self) -> Iterator[smtplib.SMTP]:
        if self._security == IMPLICIT:
            server: smtplib.SMTP = smtplib.SMTP_SSL(self._host, self._port, timeout=_TIMEOUT, context=self._context)
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=_TIMEOUT)
        with server:
            if self._security == STARTTLS:
                server.starttls(context=self._context)
            if self._user is not None and self._password is not None:
                with self._password.expose() as octets:
                    server.login(self._user, bytes(octets).decode("ascii"))
            yield server


def _is_ascii(password: Secret) -> bool:
    with password.expose() as octets:
        return all(octet < 0x80 for octet in octets)


@contextmanager
def _translated() -> Iterator[None]:
    """What the server says, as an error that says whether trying again may help."""
    try:
        yield
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        raise _failed(error, REFUSED if codes and min(codes) >= 500 else "recipient") from error
    except smtplib.SMTPDataError as error:
        raise _failed(error, REFUSED if error.smtp_code >= 500 else "data") from error
    except smtplib.SMTPNotSupportedError as error:  # no STARTTLS, or no addresses beyond ASCII
        raise _failed(error, "unsupported") from error
    except smtplib.SMTPAuthenticationError as error:
        raise _failed(error, "login") from error
    except (smtplib.SMTPException, OSError) as error:  # certificates, time-outs, no server
        raise _failed(error, "unreachable") from error


def _failed(error: Exception, reason: str) -> FetchError:
    """Without the server's words: there may be an address in them."""
    return FetchError(f"the mail server did not accept it ({type(error).__name__})", reason=reason)
