"""Who acts, by the options of the command line; how it is confirmed, and shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from zorgid_card.cli.console import TerminalHolder, TerminalKeyboard
from zorgid_card.cli.display import Display
from zorgid_card.cli.shown import dump
from zorgid_card.errors import NotFoundError, UsageError
from zorgid_card.ports.registry import Person, Registry
from zorgid_card.workflows.holder import Question
from zorgid_card.workflows.management import Acting, Actor, Management, Operator
from zorgid_card.workflows.management.answers import as_json
from zorgid_card.workflows.policy import UNSIGNED, PhonePolicy, Policy

Facts = tuple[tuple[str, str], ...]


def unsigned(registry: Registry) -> Management:
    """Managing the registry as who has access to it: no phone signs."""
    return Management(registry, policy=Policy(phones=PhonePolicy(signed=UNSIGNED)))


class Counter:
    """Where one actor is served.

    Args:
        display: for people.
        registry: the portal's.
        operator: an operator's name.
        person: a person's user name; neither: anybody.
        ura: the organisation acted for.
        as_data: JSON, in the place of text.
    """

    def __init__(
        self,
        display: Display,
        registry: Registry,
        operator: str | None,
        person: str | None,
        ura: str | None,
        *,
        as_data: bool,
    ) -> None:
        self.display, self.texts = display, display.texts
        self.ura = ura
        self._registry, self._operator, self._person = registry, operator, person
        self._as_data = as_data
        self._management = unsigned(registry)

    @property
    def is_operator(self) -> bool:
        """Whether an operator acts."""
        return self._operator is not None

    def acting(self) -> Acting:
        """What the actor may do.

        Raises:
            UsageError: nobody is named, or two are.
        """
        if (self._operator is None) is (self._person is None):
            raise UsageError("say who acts", reason="actor")
        if self._person is not None and self.ura is None:
            raise UsageError("say for which organisation", reason="ura")
        actor: Actor = Operator(self._operator) if self._operator is not None else self.person_id(self._person or "")
        return self._management.acting_as(actor, self.ura)

    def anybody(self) -> Acting:
        """What needs no actor, for the organisation that is named; raises UsageError."""
        if self.ura is None:
            raise UsageError("say for which organisation", reason="ura")
        return self._management.acting_as(None, self.ura)

    def person_id(self, user_name: str) -> str:
        """The id of who has this user name, anywhere: for who acts, and for operators; raises NotFoundError."""
        with self._registry.begin() as unit:
            for person in unit.find(Person, user_name=user_name):
                return person.id
        raise NotFoundError("no such user name", what="Person")

    def confirm(self, code: str, facts: Facts, *, yes: bool) -> None:
        """Show what is about to be done, and ask; ``yes``: it was said beforehand.

        Raises:
            DeclinedError: not to be done.
            UsageError: nobody is there to answer.
        """
        if yes:
            return
        if self._as_data:
            raise UsageError("with --json nothing is asked", reason="yes")
        TerminalHolder(self.display, TerminalKeyboard()).confirm(Question(code, facts))

    def done(self, key: str, answer: object, **values: object) -> None:
        """Tell what was done: a sentence, or the answer as JSON."""
        if self._as_data:
            self._print(as_json(answer))
        else:
            self.display.say(key, "green", **values)

    def show(self, record: object, facts: Iterable[tuple[str, str]]) -> None:
        """Show one thing; facts by their names."""
        if self._as_data:
            self._print(as_json(record))
        else:
            self.display.facts((self.texts(f"fact.{name}"), value) for name, value in facts if value)

    def page(self, page: Any, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Show one page of a list, and where the next one begins."""
        if self._as_data:
            self._print(as_json(page))
            return
        found = list(rows)
        if not found:
            self.display.say("list.empty", "dim")
            return
        self.display.table([self.texts(head) for head in heads], found)
        if page.after is not None:
            self.display.say("list.more", "dim", after=page.after)

    def state(self, machine: str, state: str) -> str:
        """A state in words."""
        return self.texts(f"{machine}.{state}")

    @staticmethod
    def _print(value: Any) -> None:
        print(dump(value if isinstance(value, dict) else {"done": True}))


def day(moment: datetime | None) -> str:
    """The date of a moment, where there is one."""
    return "" if moment is None else moment.date().isoformat()
