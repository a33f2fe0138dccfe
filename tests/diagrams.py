"""The pictures of docs/creation.md and docs/renewal.md, drawn from the tables (Mermaid)."""

from __future__ import annotations

from zorgid_card.workflows import puk_records, succession
from zorgid_card.workflows.bench import EMPTYING, FINISHING, PREPARING, RENEWING
from zorgid_card.workflows.creation_messages import (
    AbandonCard,
    AdministrationKey,
    CardAbandoned,
    CardAccepted,
    CardActive,
    CardRecovered,
    CardsListed,
    CardToGo,
    CardToRecover,
    CertificatesIssued,
    ChangePUK,
    CommitCard,
    EscrowPUK,
    FetchAdministrationKey,
    FetchPresentKey,
    ListCards,
    MatchPerson,
    OfferCard,
    PersonMatched,
    PUKEscrowed,
    RecoverCard,
    Relay,
    RelayCommands,
    RenewCard,
    ReplaceCard,
    RequestCertificates,
    RetireCard,
    ScrapCard,
)
from zorgid_card.workflows.holder import Step
from zorgid_card.workflows.issuance import STEPS
from zorgid_card.workflows.messages import Message
from zorgid_card.workflows.session import Authenticate, Authenticated
from zorgid_card.workflows.states import MACHINES

ANSWERS: dict[type[Message], type[Message]] = {
    Authenticate: Authenticated,
    MatchPerson: PersonMatched,
    OfferCard: CardAccepted,
    Relay: RelayCommands,
    RequestCertificates: CertificatesIssued,
    FetchAdministrationKey: AdministrationKey,
    CommitCard: CardActive,
    AbandonCard: CardAbandoned,
    ScrapCard: CardAbandoned,
    ListCards: CardsListed,
    ReplaceCard: CardToGo,
    RetireCard: CardToGo,
    RenewCard: CardAccepted,
    FetchPresentKey: AdministrationKey,
    EscrowPUK: PUKEscrowed,
    RecoverCard: CardToRecover,
    ChangePUK: CardRecovered,
}


def states(machine: str) -> str:
    """A state machine, as its table has it."""
    table = MACHINES[machine]
    first = next(iter(table))[0]
    lines = [f"    {before} --> {after}: {event}" for (before, event), after in table.items()]
    return "\n".join(["stateDiagram-v2", f"    [*] --> {first}", *lines])


def session() -> str:
    """What the portal serves in which state of a session."""
    lines = [f"    {before} --> {after}: {kind.kind}" for (before, kind), (_, after) in STEPS.items()]
    return "\n".join(["stateDiagram-v2", "    [*] --> opened: open-session", *lines, "    committed --> [*]"])


def steps() -> str:
    """The steps on the card side, and what is between them."""
    before = [stage.step.value for stage in (*EMPTYING, *PREPARING)]
    after = [*(stage.step.value for stage in FINISHING), Step.ACTIVATE.value]
    names = [*before, "sealed{{commit sealed}}", *after]
    return "\n".join(["flowchart LR", f"    {' --> '.join(names)}"])


def renewal() -> str:
    """The steps of a renewal."""
    names = [*(stage.step.value for stage in RENEWING), "sealed{{commit sealed}}", Step.ACTIVATE.value]
    return "\n".join(["flowchart LR", f"    shown{{{{old keys shown}}}} --> {' --> '.join(names)}"])


def sequence() -> str:
    """The messages of a creation, in the order of the portal's table."""
    lines = ["sequenceDiagram", "    participant C as card side", "    participant P as portal"]
    for (state, kind), (_, after) in STEPS.items():
        if kind in (AbandonCard, ScrapCard) or (state, kind) in {**succession.STEPS, **puk_records.STEPS}:
            continue
        lines += [f"    C->>P: {kind.kind}", f"    P-->>C: {ANSWERS[kind].kind}"]
        lines += [f"    Note over P: {state} → {after}"] if state != after else []
    return "\n".join(lines)


PICTURES = {
    "creation.md": {
        "steps": steps,
        "sequence": sequence,
        "session": session,
        "card": lambda: states("card"),
        "certificate": lambda: states("certificate"),
    },
    "renewal.md": {"steps": renewal},
}
