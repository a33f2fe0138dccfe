"""No call reads or changes what is another organisation's; a call outside the table of roles is refused, and changes nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import Phase, given, settings

from isolation_world import (
    CALLS,
    OPERATOR,
    PEOPLE,
    PLAYS,
    URAS,
    Asked,
    IsolationWorld,
    Link,
    Play,
    Records,
    Scene,
    owners,
    pass_of,
    theirs,
)
from zorgid_card.errors import (
    NotAllowedError,
    OrganisationMismatchError,
    OrganisationUnknownError,
    ZorgIDError,
)
from zorgid_card.pki.identity import UZIIdentity
from zorgid_card.ports.registry import AuditEvent, IssuedCertificate, LinkOffer, Membership, SmartCard, Suspension
from zorgid_card.workflows.management import TABLE, Acting, Actor, EventPage, Operator

_REFUSALS = (NotAllowedError, OrganisationUnknownError, OrganisationMismatchError)
_ESCROW = {"puk.ask", "puk.release", "puk.reset"}
"""Done by EscrowRoom and PUKReset, which ask ``own``: see test_escrow and test_recovery."""


def test_every_service_is_among_the_calls_and_every_action_has_one() -> None:
    services = {name for name in dir(Acting) if not name.startswith("_")}
    assert services == set(CALLS)
    assert {action for action, _ in CALLS.values()} | _ESCROW == set(TABLE)


def changed(before: Records, after: Records) -> list[Any]:
    return [
        record for name in before.keys() | after.keys() for record in (before.get(name), after.get(name))
        if before.get(name) != after.get(name) and record is not None
    ]  # fmt: skip


# A failing example is small as it is, and a registry for each step of shrinking takes minutes.
@settings(max_examples=30, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(PLAYS)
def test_no_call_reaches_another_organisation_or_beyond_the_table(play: Play) -> None:
    """One actor calls every service, in some order, about anybody's card, phone, request and organisation."""
    world = IsolationWorld(play.scene)
    try:
        for name, person, about in play.calls():
            asked = Asked(person, about, world.codes.get(about, "NOSUCHCODE"))
            act(world, name, play.actor, play.ura, asked)
    finally:
        world.store.close()


def act(world: IsolationWorld, name: str, actor: Actor, ura: str | None, asked: Asked) -> None:
    before, allowed = world.all_records(), may(world, before_role(world, actor, ura), CALLS[name][0])
    try:
        answer = CALLS[name][1](world.management.acting_as(actor, ura), asked)
    except ZorgIDError as error:
        assert allowed or isinstance(error, _REFUSALS), (name, error)
        assert world.all_records() == before, name
        return
    assert allowed, name
    if not (isinstance(actor, Operator) and ura is None):
        judge(name, actor, ura, before, world.all_records(), answer)


def before_role(world: IsolationWorld, actor: Actor, ura: str | None) -> str | None:
    """The role now: calls before may have changed links and states."""
    if isinstance(actor, str):
        records = world.all_records()
        organisation = records.get(("Organisation", ura or ""))
        member = next(
            (m for m in records.values() if isinstance(m, Membership) and (m.person_id, m.ura) == (actor, ura)), None
        )
        return member.role if member and organisation and organisation.state == "validated" else None
    if isinstance(actor, Operator) and ura is not None:
        return "operator" if ura in {getattr(record, "ura", None) for record in world.all_records().values()} else None
    return world.role(actor, ura)


def may(world: IsolationWorld, role: str | None, action: str) -> bool:
    return role is not None and role in TABLE[action]


def judge(name: str, actor: Actor, ura: str | None, before: Records, after: Records, answer: object) -> None:
    for record in changed(before, after):
        if isinstance(record, LinkOffer):
            assert record.person_id == actor or actor == OPERATOR or record.ura == ura
            continue
        assert ura in owners(before, record) | owners(after, record), (name, record)
        own = isinstance(actor, str) and before[("Membership", f"m-{actor}-{ura}")].role == "holder"
        if own and isinstance(record, SmartCard | IssuedCertificate | Suspension):
            serial = record.serial if isinstance(record, SmartCard) else record.card_serial
            cards = [card for card in after.values() if isinstance(card, SmartCard) and card.serial == serial]
            assert [card.person_id for card in cards] == [actor]
    if name == "events":  # its own chain, also of who and what was linked to it
        assert isinstance(answer, EventPage)
        assert {row.number for row in answer.rows} == {
            int(record.id.rpartition(":")[2])
            for record in after.values()
            if isinstance(record, AuditEvent) and record.ura == ura
        }
        return
    if name == "export_events":
        assert isinstance(answer, list)
        assert {json.loads(line)["AuditEnterpriseSiteID"] for line in answer} == {ura}
        return
    told, own_name = repr(answer), actor.given_names if isinstance(actor, UZIIdentity) else None
    assert [name for name in theirs(before | after, ura) if name in told and name != own_name] == [], name


_RANKS = ("holder", "manager", "administrator")
FULL = Scene(
    dict.fromkeys(URAS, "validated"),
    {(PEOPLE[n + 3 * m], URAS[m]): Link(role, False) for m in range(2) for n, role in enumerate(_RANKS)},
    {PEOPLE[0]: "active", PEOPLE[3]: "active"},
)
AS: dict[str, Actor] = {"holder": PEOPLE[0], "manager": PEOPLE[1], "administrator": PEOPLE[2], "operator": OPERATOR,
                        "pass holder": pass_of(PEOPLE[2], URAS[0]), "applicant": None}  # fmt: skip


@pytest.mark.parametrize("role", AS)
def test_adm_5_what_the_table_does_not_let_a_role_do_is_refused_and_changes_nothing(role: str) -> None:
    world = IsolationWorld(FULL)
    for name, (action, call) in CALLS.items():
        if role in TABLE[action]:
            continue
        before = world.all_records()
        with pytest.raises(NotAllowedError) as error:
            call(world.management.acting_as(AS[role], URAS[0]), Asked(PEOPLE[0], URAS[0], ""))
        assert error.value.action == action, name
        assert world.all_records() == before
    world.store.close()


@pytest.mark.parametrize("name", ["show", "own", "block", "unblock", "revoke", "show_person", "named", "appoint", "unlink",
                                  "approve_uzi_number", "block_phone", "unblock_phone", "revoke_phone"])  # fmt: skip
@pytest.mark.parametrize("role", ["administrator", "operator"])
def test_what_is_anothers_is_told_in_the_same_words_as_what_is_not_there(name: str, role: str) -> None:
    world = IsolationWorld(FULL)
    acting = world.management.acting_as(AS[role], URAS[0])
    said = []
    for asked in (
        Asked(PEOPLE[3], URAS[1], ""),
        Asked(PEOPLE[5], URAS[2], ""),
    ):  # theirs; and a card, phone and link nobody has
        with pytest.raises(ZorgIDError) as error:
            CALLS[name][1](acting, asked)
        said.append((type(error.value), str(error.value), error.value.details))
    assert said[0] == said[1]
    world.store.close()
