"""The history in words: who, when, what became of what, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from mentorcert.certifications import mentors
from mentorcert.certifications.history import Evidence, JobActor, Kind, State, UserActor
from mentorcert.certifications.mentors import Happening, PeerMentor
from mentorcert.web.coordinator.names import Names, time_zone_of, written
from mentorcert.web.templating import status_text
from mentorcert.web.visit import Visit

SIZE: Final = 50
_BY_COORDINATORS: Final[frozenset[Kind]] = frozenset({"renewed", "suspended", "reinstated"})
_BY_NOBODY: Final[frozenset[Kind]] = frozenset({"issued", "expired"})


@dataclass(frozen=True, slots=True)
class Event:
    """An entry as a reader sees it; `revert_path` is where it is taken back, if the visitor may."""

    certification_id: UUID
    type: str
    heading: str
    recorded_at: datetime
    actor: str
    changes: list[str]
    note: str | None
    evidence: str | None
    revert_path: str | None


@dataclass(frozen=True, slots=True)
class Timeline:
    """A page of events, newest first, and whether there are newer and older ones."""

    events: list[Event]
    page: int
    is_last: bool


def timeline_of(
    visit: Visit, mentor: PeerMentor, names: Names, page: int, certification_id: UUID | None = None
) -> Timeline:
    """Return a page of what happened to the peer mentor's certifications, or to one of them."""
    found = mentors.history_of(
        visit.conn,
        mentor.id,
        certification_id=certification_id,
        skipped=(page - 1) * SIZE,
        size=SIZE + 1,
    )
    shown = found[:SIZE]
    people = _people(visit, shown)
    return Timeline(
        [_event(visit, mentor, names, happening, people) for happening in shown],
        page,
        len(found) <= SIZE,
    )


def _people(visit: Visit, happenings: Sequence[Happening]) -> dict[str, str]:
    """Return the names of those who acted or saw evidence, by the text of their ids."""
    ids: set[UUID] = set()
    for happening in happenings:
        entry = happening.entry
        if isinstance(entry.actor, UserActor) and entry.actor.user_id:
            ids.add(entry.actor.user_id)
        if entry.evidence and (seer := _id(entry.evidence.seen_by)):
            ids.add(seer)
    user, _ = visit.member()
    named = {str(id_): name for id_, name in mentors.names_of(visit.conn, ids).items()}
    return named | {str(user.id): visit._("you")}


def _id(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None


def _event(
    visit: Visit, mentor: PeerMentor, names: Names, happening: Happening, people: dict[str, str]
) -> Event:
    entry = happening.entry
    allowed = mentor.may_certify and (
        entry.kind in _BY_COORDINATORS
        or ("org_admin" in visit.roles and entry.kind not in _BY_NOBODY and entry.before is not None)
    )
    path = f"/certifications/{happening.certification_id}/revert/{entry.entry_id}"
    return Event(
        certification_id=happening.certification_id,
        type=names.type(happening.certification_type),
        heading=kind_text(visit, entry.kind),
        recorded_at=entry.recorded_at,
        actor=_actor(visit, entry.actor, people),
        changes=changes_text(visit, names, entry.before, entry.after),
        note=entry.note,
        evidence=_evidence(visit, entry.evidence, people),
        revert_path=path if allowed else None,
    )


def kind_text(visit: Visit, kind: Kind) -> str:
    """Return what kind of change it was."""
    return {
        "issued": visit._("Issued"),
        "renewed": visit._("Renewed"),
        "extended": visit._("Extended"),
        "expired": visit._("Expired"),
        "suspended": visit._("Suspended"),
        "reinstated": visit._("Reinstated"),
        "corrected": visit._("Corrected"),
        "reverted": visit._("Taken back"),
        "imported": visit._("Imported"),
    }[kind]


def _actor(visit: Visit, actor: UserActor | JobActor, people: dict[str, str]) -> str:
    if isinstance(actor, JobActor):
        jobs = {
            "nightly": visit._("the nightly run"),
            "import": visit._("an import"),
            "portal": visit._("the portal"),
            "erasure": visit._("an erasure"),
        }
        return jobs.get(actor.job, actor.job)
    name = people.get(str(actor.user_id))
    if actor.role == "coordinator":
        return visit._("%(name)s, coordinator", name=name) if name else visit._("a coordinator")
    if actor.role == "org_admin":
        return visit._("%(name)s, administrator", name=name) if name else visit._("an administrator")
    return visit._("the operator of the database")


def changes_text(visit: Visit, names: Names, before: State | None, after: State) -> list[str]:
    """Return what became of what, a sentence for each that differs; the first entry tells all."""
    time_zone = time_zone_of(visit)

    def words(state: State, field: str) -> str:
        if field == "certification_type":
            return names.type(state.certification_type)
        if field == "issued_at":
            return "" if state.issued_at is None else written(visit, "day", names.first_day(state.issued_at))
        if field == "expires_at":
            return written(visit, "last_day", state.expires_at, time_zone)
        return "" if state.status is None else status_text(state.status, visit.language)

    labels = {
        "certification_type": visit._("Certification"),
        "issued_at": visit._("Issued or renewed"),
        "expires_at": visit._("Last valid day"),
        "status": visit._("Status"),
    }
    sentences = []
    for field, label in labels.items():
        if field not in after.model_fields_set:
            continue
        if before is not None and field in before.model_fields_set:
            if words(before, field) == words(after, field):
                continue
            sentences.append(
                visit._(
                    "%(field)s: from %(before)s to %(after)s",
                    field=label,
                    before=words(before, field),
                    after=words(after, field),
                )
            )
        else:
            sentences.append(f"{label}: {words(after, field)}")
    return sentences


def _evidence(visit: Visit, evidence: Evidence | None, people: dict[str, str]) -> str | None:
    if evidence is None:
        return None
    by = people.get(evidence.seen_by or "", "" if _id(evidence.seen_by) else evidence.seen_by or "")
    day = written(visit, "day", evidence.seen_on)
    if by:
        return visit._("%(seen)s, seen on %(day)s by %(by)s", seen=evidence.seen, day=day, by=by)
    return visit._("%(seen)s, seen on %(day)s", seen=evidence.seen, day=day)
