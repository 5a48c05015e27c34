"""The history in words: who, when, what changed, and why."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from mentorcert.certifications.history import CountedFrom, EntryV1, Evidence, JobActor, Kind, State, UserActor
from mentorcert.certifications.timeline import HistoryItem
from mentorcert.db.cursors import Page
from mentorcert.organisations import peer_mentors
from mentorcert.organisations.peer_mentors import PeerMentor
from mentorcert.web.context import RequestContext
from mentorcert.web.coordinator.display_names import Names, time_zone_of, written
from mentorcert.web.rendering.templating import status_text

SIZE: Final = 50
_BY_COORDINATORS: Final[frozenset[Kind]] = frozenset({"renewed", "suspended", "reinstated"})
_BY_NOBODY: Final[frozenset[Kind]] = frozenset({"issued", "expired"})


@dataclass(frozen=True, slots=True)
class Event:
    """An entry as a reader sees it; `undo` says what is taken back at `revert_path`, if the visitor may and it can be."""

    certification_id: UUID
    type: str
    heading: str
    recorded_at: datetime
    actor: str
    changes: list[str]
    note: str | None
    evidence: str | None
    revert_path: str | None
    undo: str
    is_replaced: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    """A page of events, newest first, and whether there are newer and older ones."""

    events: list[Event]
    page: int
    is_last: bool


def timeline_of(
    context: RequestContext, mentor: PeerMentor, names: Names, page: int, found: Page[HistoryItem]
) -> Timeline:
    """Return in words what happened to the peer mentor's certifications, or to one of them."""
    people = _people(context, found.rows)
    return Timeline(
        [_event(context, mentor, names, item, people) for item in found.rows], page, found.next is None
    )


def _people(context: RequestContext, items: Sequence[HistoryItem]) -> dict[str, str]:
    """Return the names of those who acted or saw evidence, by the text of their ids."""
    ids: set[UUID] = set()
    for item in items:
        entry = item.entry
        if isinstance(entry.actor, UserActor) and entry.actor.user_id:
            ids.add(entry.actor.user_id)
        if entry.evidence and (seer := _id(entry.evidence.seen_by)):
            ids.add(seer)
    return people_named(context, ids)


def people_named(context: RequestContext, ids: Iterable[UUID]) -> dict[str, str]:
    """Return the names of users, as far as they have one, by the text of their ids."""
    user, _ = context.member()
    named = {str(id_): name for id_, name in peer_mentors.names_of(context.conn, set(ids)).items()}
    return named | {str(user.id): context._("you")}


def _id(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None


def _event(
    context: RequestContext, mentor: PeerMentor, names: Names, item: HistoryItem, people: dict[str, str]
) -> Event:
    entry = item.entry
    allowed = (
        mentor.may_certify
        and item.is_revertible
        and not item.is_replaced
        and (
            entry.kind in _BY_COORDINATORS
            or ("org_admin" in context.roles and entry.kind not in _BY_NOBODY and entry.before is not None)
        )
    )
    path = f"/certifications/{item.certification_id}/revert/{entry.entry_id}"
    return Event(
        certification_id=item.certification_id,
        type=names.type(item.certification_type),
        heading=kind_text(context, entry.kind),
        recorded_at=entry.recorded_at,
        actor=actor_text(context, entry.actor, people),
        changes=changes_text(context, names, entry.before, entry.after)
        + _counted_from(context, entry.counted_from)
        + _basis(context, entry.evidence),
        note=entry.note,
        evidence=_evidence(context, entry.evidence, people),
        revert_path=path if allowed else None,
        undo=undo_text(context, entry),
        is_replaced=item.is_replaced,
    )


def kind_text(context: RequestContext, kind: Kind) -> str:
    """Return what kind of change it was."""
    return {
        "issued": context._("Issued"),
        "renewed": context._("Renewed"),
        "extended": context._("Extended"),
        "expired": context._("Expired"),
        "suspended": context._("Suspended"),
        "reinstated": context._("Reinstated"),
        "corrected": context._("Corrected"),
        "reverted": context._("Undone"),
        "imported": context._("Imported"),
    }[kind]


def undo_text(context: RequestContext, entry: EntryV1) -> str:
    """Return what undoing an entry undoes."""
    day = written(context, "day", entry.recorded_at.astimezone(ZoneInfo(time_zone_of(context))).date())
    return {
        "renewed": context._("Undo the renewal of %(day)s", day=day),
        "extended": context._("Undo the extension of %(day)s", day=day),
        "suspended": context._("Undo the suspension of %(day)s", day=day),
        "reinstated": context._("Undo the end of the suspension of %(day)s", day=day),
        "corrected": context._("Undo the correction of %(day)s", day=day),
        "reverted": context._("Undo what was undone on %(day)s", day=day),
        "imported": context._("Undo the import of %(day)s", day=day),
    }.get(entry.kind, context._("Undo a change"))


def actor_text(context: RequestContext, actor: UserActor | JobActor, people: dict[str, str]) -> str:
    """Return who acted, by the names of `people`."""
    if isinstance(actor, JobActor):
        jobs = {
            "nightly": context._("the nightly run"),
            "import": context._("an import"),
            "portal": context._("the portal"),
            "erasure": context._("an erasure"),
        }
        return jobs.get(actor.job, actor.job)
    name = people.get(str(actor.user_id))
    if actor.role == "coordinator":
        return context._("%(name)s, coordinator", name=name) if name else context._("a coordinator")
    if actor.role == "org_admin":
        return context._("%(name)s, administrator", name=name) if name else context._("an administrator")
    return context._("the operator of the database")


def changes_text(context: RequestContext, names: Names, before: State | None, after: State) -> list[str]:
    """Return what changed, a sentence for each that differs; the first entry has all."""
    time_zone = time_zone_of(context)

    def words(state: State, field: str) -> str:
        if field == "certification_type":
            return names.type(state.certification_type)
        if field == "issued_at":
            return (
                "" if state.issued_at is None else written(context, "day", names.first_day(state.issued_at))
            )
        if field == "expires_at":
            return written(context, "last_day", state.expires_at, time_zone)
        return "" if state.status is None else status_text(state.status, context.language)

    labels = {
        "certification_type": context._("Certification"),
        "issued_at": context._("Issued or renewed"),
        "expires_at": context._("Last valid day"),
        "status": context._("Status"),
    }
    sentences = []
    for field, label in labels.items():
        if field not in after.model_fields_set:
            continue
        if before is not None and field in before.model_fields_set:
            if words(before, field) == words(after, field):
                continue
            sentences.append(
                context._(
                    "%(field)s: from %(before)s to %(after)s",
                    field=label,
                    before=words(before, field),
                    after=words(after, field),
                )
            )
        else:
            sentences.append(f"{label}: {words(after, field)}")
    return sentences


def _basis(context: RequestContext, evidence: Evidence | None) -> list[str]:
    if evidence is None or evidence.basis is None:
        return []
    return [
        context._("Based on the whole course.")
        if evidence.basis == "course"
        else context._("Based on a new registration.")
    ]


def _counted_from(context: RequestContext, counted_from: CountedFrom | None) -> list[str]:
    if counted_from is None:
        return []
    return [
        context._("Counted on from the last valid day before it.")
        if counted_from == "end"
        else context._("Counted from the day of renewal.")
    ]


def _evidence(context: RequestContext, evidence: Evidence | None, people: dict[str, str]) -> str | None:
    if evidence is None:
        return None
    if evidence.request_id is not None:
        return context._(
            "%(seen)s, %(day)s, as the peer mentor said in a request",
            seen=evidence.seen,
            day=written(context, "day", evidence.seen_on),
        )
    by = people.get(evidence.seen_by or "", "" if _id(evidence.seen_by) else evidence.seen_by or "")
    day = written(context, "day", evidence.seen_on)
    if evidence.seen_by == str(context.member()[0].id):
        return context._("%(seen)s, seen on %(day)s by you", seen=evidence.seen, day=day)
    if by:
        return context._("%(seen)s, seen on %(day)s by %(by)s", seen=evidence.seen, day=day, by=by)
    return context._("%(seen)s, seen on %(day)s", seen=evidence.seen, day=day)
