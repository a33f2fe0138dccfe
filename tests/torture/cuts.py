"""Where creation is cut, and how; which runs there are; and the name of each, by which it is run again."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

DIALECTS = ("yubico", "nist", "yubico-channel")
"""Yubico's, attested; strict NIST, over the portal's channel; Yubico's with SCP03, over the portal's channel."""

ALGORITHMS = ("ECCP256", "RSA2048")

APDU = (
    "kill-before",  # the process is killed before the card gets the command
    "kill-after",  # ... after the card has acted, before the answer arrives
    "pull-before",  # the card is pulled, and its holder goes home
    "pull-after",
    "again-before",  # the card is pulled, and put in again when that is asked
    "again-after",
)
"""How a command APDU is cut."""

JOURNAL = ("before", "during", "after")
"""The process is killed: before a transaction of the journal, before its COMMIT, after it."""

PORTAL = (
    "lost-request",  # the request is lost
    "lost-answer",  # the answer is lost
    "twice",  # the request comes twice
    "late",  # no answer in time, and the request comes after the next one
    "status-500",  # the portal fails before it does anything
    "database",  # the portal's database fails when its transaction ends
    "page-before",  # in the place of an answer comes a page of HTML; the portal has got nothing
    "page-after",  # ... but the portal has acted
    "restart",  # the portal has acted, the answer is lost; the portal is started again
    "down-before",  # the portal cannot be reached from here on
    "down-after",  # ... after it has acted on this message
    "kill-before",  # the card side is killed when it has sent this message, which the portal never gets
    "kill-after",  # ... which the portal has acted on
)
"""How a message to the portal is cut."""

PERSON = (
    "no",  # the person says no
    "pull",  # the person pulls the card, answers, and goes home
    "kill-before",  # the process is killed while the question stands; a PUK that was shown has been written down
    "kill-after",  # ... as soon as it is answered
)
"""How a question to the person is cut."""

REMADE = {
    "apdu": ("kill-after", "pull-after"),
    "journal": JOURNAL,
    "portal": ("kill-before", "kill-after", "down-before"),
    "person": ("no", "kill-before"),
}
"""How the second making is cut, of a card that had its PUK, and whose commit came too late."""

RENEWED = {
    "apdu": ("kill-after", "pull-after", "again-after"),
    "journal": JOURNAL,
    "portal": (
        "lost-answer",
        "twice",
        "status-500",
        "restart",
        "down-before",
        "down-after",
        "kill-before",
        "kill-after",
    ),
    "person": PERSON,
}
"""How the renewal is cut of a card in use."""

OTHERS = {"apdu": ("lost-before", "lost-after", "reset-before", "reset-after")}
"""Further cuts, for the seeded runs: the reader loses a command or an answer, another program resets the card."""

HOWS = {"apdu": APDU, "journal": JOURNAL, "portal": PORTAL, "person": PERSON}
DAY = 86_400
"""Seconds between a card's making and its renewal."""
LATE = 901
"""Seconds: the deadline is past."""

_CUT = re.compile(r"(apdu|journal|portal|person)-([0-9]+)-([a-z0-9-]+)")
_RUN = re.compile(r"(?P<dialect>[a-z-]+)/(?P<algorithm>[A-Z0-9]+)/(?P<what>[^/]+)/(?P<then>resumed|never)")


@dataclass(frozen=True, slots=True)
class Cut:
    """The ``at``-th command, write, message or question of one life of the card side, counted from 1."""

    place: str
    at: int
    how: str

    def __str__(self) -> str:
        return f"{self.place}-{self.at}-{self.how}"

    @classmethod
    def parse(cls, text: str) -> Cut:
        match = _CUT.fullmatch(text)
        if match is None or match[3] not in (*HOWS[match[1]], *OTHERS.get(match[1], ())):
            raise SystemExit(f"not a cut: {text}")
        return cls(match[1], int(match[2]), match[3])


@dataclass(frozen=True, slots=True)
class Life:
    """One process of the card side: what cuts it, and how many seconds pass after it."""

    cuts: tuple[Cut, ...]
    pause: int = 5


@dataclass(frozen=True, slots=True)
class Run:
    """One creation: lives that are cut, and then (``then``) a life that is not, or none (``never``), or one after the other."""

    dialect: str
    algorithm: str
    what: str
    lives: tuple[Life, ...]
    then: tuple[str, ...] = ("never", "resumed")
    """Both are tried from the same state: the cut is made once, and what it leaves is copied."""
    names: tuple[str, ...] = field(init=False)

    @property
    def renews(self) -> bool:
        """Whether its card is in use when it begins, and to be renewed."""
        return self.what.startswith("renewed-")

    def __post_init__(self) -> None:
        names = tuple(f"{self.dialect}/{self.algorithm}/{self.what}/{then}" for then in self.then)
        object.__setattr__(self, "names", names)

    @classmethod
    def single(cls, dialect: str, algorithm: str, cut: Cut) -> Run:
        return cls(dialect, algorithm, str(cut), (Life((cut,)),))

    @classmethod
    def remade(cls, dialect: str, algorithm: str, counts: Counts, cut: Cut) -> Run:
        return cls(dialect, algorithm, f"remade-{cut}", (counts.too_late, Life((cut,))))

    @classmethod
    def renewed(cls, dialect: str, algorithm: str, cut: Cut) -> Run:
        return cls(dialect, algorithm, f"renewed-{cut}", (Life((cut,)),))

    @classmethod
    def parse(cls, name: str, counts: Mapping[str, Counts]) -> Run:
        match = _RUN.fullmatch(name)
        if match is None or match["dialect"] not in DIALECTS or match["algorithm"] not in ALGORITHMS:
            raise SystemExit(f"not the name of a run: {name}")
        of, what, then = (match["dialect"], match["algorithm"]), match["what"], (match["then"],)
        if what.startswith("seed-"):
            return seeded(int(what.removeprefix("seed-")), of, then)
        if what.startswith("remade-"):
            run = cls.remade(*of, counts[of[0]], Cut.parse(what.removeprefix("remade-")))
        elif what.startswith("renewed-"):
            run = cls.renewed(*of, Cut.parse(what.removeprefix("renewed-")))
        else:
            run = cls.single(*of, Cut.parse(what))
        return replace(run, then=then)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many commands, writes, messages and questions an uncut creation has."""

    apdu: int
    journal: int
    portal: int
    person: int
    first: frozenset[int] = frozenset()
    """The commands before which something else happened since the command before."""

    @property
    def too_late(self) -> Life:
        """The process is killed when all is written, and the last message has not arrived; the deadline passes."""
        return Life((Cut("portal", self.portal, "kill-before"),), LATE)

    def of(self, place: str) -> int:
        number: int = getattr(self, place)
        return number


def singles(dialect: str, algorithm: str, counts: Counts, *, distinct: bool = False, turns: int = 1) -> Iterator[Run]:
    """Every cut there is, each by itself.

    Args:
        dialect, algorithm: of the cards.
        counts: how much there is to cut.
        distinct: leave out a kill before a command where nothing has happened since a kill after the command before it.
        turns: cut every place in every n-th way only: the next place in the ways after those, and the next dialect too.
    """
    first = DIALECTS.index(dialect)
    for place, hows in HOWS.items():
        for at in range(1, counts.of(place) + 1):
            for how in hows[(first + at) % turns :: turns]:
                same = (place, how) == ("apdu", "kill-before") and at not in counts.first
                if not (distinct and same):
                    yield Run.single(dialect, algorithm, Cut(place, at, how))


def remakings(dialect: str, algorithm: str, first: Counts, counts: Counts) -> Iterator[Run]:
    """The same of a second making, with fewer ways to cut."""
    for place, hows in REMADE.items():
        for at in range(1, counts.of(place) + 1):
            for how in hows:
                yield Run.remade(dialect, algorithm, first, Cut(place, at, how))


def renewals(dialect: str, algorithm: str, counts: Counts) -> Iterator[Run]:
    """The same of a card's renewal."""
    for place, hows in RENEWED.items():
        for at in range(1, counts.of(place) + 1):
            for how in hows:
                yield Run.renewed(dialect, algorithm, Cut(place, at, how))


def seeded(seed: int, of: tuple[str, str], then: tuple[str, ...] = ()) -> Run:
    """Two to four lives, each cut once to three times, with pauses that may pass the deadline; ``seed`` says which."""
    chance = random.Random(seed)
    lives = tuple(_life(chance) for _ in range(chance.randint(2, 4)))
    last = "never" if chance.random() < 0.3 else "resumed"
    return Run(*of, f"seed-{seed}", lives, then or (last,))


def _life(chance: random.Random) -> Life:
    cuts = tuple(_any(chance) for _ in range(chance.choice((1, 1, 2, 3))))
    return Life(cuts, chance.choice((1, 1, 30, 400, LATE)))


def _any(chance: random.Random) -> Cut:
    """More often than not in the second half, where something is at stake."""
    place = chance.choice(("apdu", "apdu", "journal", "portal", "person"))
    how = chance.choice((*HOWS[place], *OTHERS.get(place, ())))
    most = ABOUT.of(place)
    return Cut(place, chance.randint(1 if chance.random() < 0.3 else most // 2, most), how)


ABOUT = Counts(apdu=260, journal=20, portal=13, person=9)
"""How much there is to cut, about: the same in all runs, so that a seed always means the same cuts."""
