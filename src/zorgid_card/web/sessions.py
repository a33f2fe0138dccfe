"""A browser's session, as a page sees it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from zorgid_card.web.security import form_token, new_secret
from zorgid_card.workflows.browser_sessions import CardLogIn, Current, OperatorLogIn, PhoneLogIn, Who, name_of

__all__ = ["CardLogIn", "OperatorLogIn", "PhoneLogIn", "Session", "Who"]

Kept: TypeAlias = dict[str, str]


@dataclass(slots=True)
class Session:
    """The session of a request. A browser that sent no cookie gets one as soon as :attr:`name` or :attr:`csrf` is asked for.

    Attributes:
        current: who is logged in, as was judged for this request; None: nobody.
        changed: whether the browser is to be sent :attr:`secret`.
        ended: whether the browser is to forget it.
    """

    known: str | None = field(repr=False)
    current: Current | None = None
    changed: bool = False
    ended: bool = False

    @property
    def secret(self) -> str:
        """The cookie's value."""
        if self.known is None:
            self.renew()
        return self.known or ""

    @property
    def name(self) -> str:
        """Names this browser session: the ``binding`` of challenges and of what phones are asked. It tells nobody the cookie."""
        return name_of(self.secret)

    @property
    def csrf(self) -> str:
        """The token of this session's forms."""
        return form_token(self.secret)

    @property
    def who(self) -> Who | None:
        """Who is logged in."""
        return None if self.current is None else self.current.who

    @property
    def role(self) -> str | None:
        """In which role, as the records say now: holder, manager, administrator, pass holder, operator."""
        return None if self.current is None else self.current.role

    @property
    def ura(self) -> str | None:
        """The organisation acted for; None for operators, and where nobody is logged in."""
        return None if self.who is None else self.who.ura

    @property
    def left(self) -> int:
        """Seconds until it ends, if nothing more is asked."""
        return 0 if self.current is None else self.current.left

    @property
    def kept(self) -> Kept:
        """What pages keep (:meth:`zorgid_card.web.render.Page.keep`)."""
        return {} if self.current is None else self.current.kept

    def renew(self) -> str:
        """A new secret, which nobody knew before: at log-in, and where there is none."""
        self.known, self.changed, self.ended = new_secret(), True, False
        return self.known

    def forget(self) -> None:
        """Nobody is logged in any more, and the browser forgets the cookie."""
        self.known, self.current, self.changed, self.ended = None, None, False, True
