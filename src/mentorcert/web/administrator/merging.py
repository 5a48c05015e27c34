"""Two peer mentors who are one: which rows are the same person, what merging them does, and undoing it."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Annotated, Final, Literal
from uuid import UUID

import pydantic
from fastapi import APIRouter, Form, Query, Response
from pydantic import BaseModel

from mentorcert.db.rows import mapped_errors
from mentorcert.errors import (
    ConsequencesChangedError,
    MissingRightError,
    NotRevertibleError,
)
from mentorcert.organisations import consequences, merges, peer_mentors
from mentorcert.organisations.merges import FIELDS, Choices, Field, Person, Preview, Topic
from mentorcert.organisations.peer_mentors import PeerMentor
from mentorcert.translatable import LazyText
from mentorcert.web.context import CurrentAdministrator, RequestContext
from mentorcert.web.coordinator.display_names import Names, names_of, time_zone_of
from mentorcert.web.coordinator.list_query import CursorText
from mentorcert.web.coordinator.preview import PreviewResult
from mentorcert.web.drafts import drafted, preview_at
from mentorcert.web.field_errors import Refusal, field_errors
from mentorcert.web.fields import Chosen, MaybeChosen, OptionalId, SearchText, Text
from mentorcert.web.page_form import PageForm

router = APIRouter()

_LABELS: Final[Mapping[Field, LazyText]] = {
    "full_name": LazyText("Name"),
    "display_name": LazyText("Name on the public list"),
    "email": LazyText("E-mail"),
    "phone": LazyText("Phone"),
    "language": LazyText("Language of what is written to the person"),
}
TOPICS: Final[Mapping[Topic, LazyText]] = {
    "person": LazyText("name, contact or login"),
    "chapters": LazyText("chapters"),
    "certifications": LazyText("certifications"),
    "consent": LazyText("consent to the public list"),
}
_SAME: Final = LazyText("This is the same row. Write the number of the other one.")
_REFUSALS: Final[Mapping[str, Refusal]] = {
    "merge_reason": Refusal("reason", LazyText("Say why the two are one person, in at most 500 characters.")),
    "peer_mentor_merges_reason_characters": Refusal(
        "reason", LazyText("This has a character that cannot be read. Type it again.")
    ),
    "merge_login": Refusal("login", LazyText("Both have a login. Choose which one stays.")),
}


class PairQuery(BaseModel):
    """The row that is kept, and the other one by id or by number; or a form that was sent."""

    kept: UUID
    absorbed: OptionalId = None
    number: SearchText = None
    draft: UUID | None = None


class PairForm(BaseModel):
    """Two rows that are two persons; `after` is the page on which they stood."""

    one: UUID
    other: UUID
    after: CursorText = None


class MergeForm(PageForm):
    """Which rows are merged and how; `shown` is the fingerprint of what was previewed."""

    kept: UUID
    absorbed: UUID
    take: Chosen[list[Field]] = pydantic.Field(default_factory=list)
    login: MaybeChosen[Literal["kept", "absorbed"]] = None
    reason: Text = ""
    action: Literal["preview", "confirm", "edit"] = "preview"
    shown: str = ""

    def choices(self) -> Choices:
        """Return what is chosen."""
        return Choices(self.absorbed, self.reason, tuple(self.take), self.login)


@router.get("/admin/look-alikes")
def show_look_alikes(context: CurrentAdministrator, after: Annotated[CursorText, Query()] = None) -> Response:
    """Show who may be one person, pair by pair."""
    page = merges.look_alikes(context.conn, after=after)
    return context.page(
        "administrator/look_alikes.html",
        pairs=page.rows,
        after=after or "",
        next_url=f"/admin/look-alikes?after={page.next}" if page.next else None,
        first_url="/admin/look-alikes" if after else None,
    )


@router.post("/admin/look-alikes")
def mark_distinct(context: CurrentAdministrator, form: Annotated[PairForm, Form()]) -> Response:
    """Remember that the two are two persons."""
    merges.mark_distinct(context.conn, form.one, form.other, is_distinct=True)
    return context.redirect(
        f"/admin/look-alikes?after={form.after}" if form.after else "/admin/look-alikes",
        notice=context._("The two are two persons. They are not shown here any more."),
    )


@router.get("/admin/merges/new")
def ask(context: CurrentAdministrator, query: Annotated[PairQuery, Query()]) -> Response:
    """Ask which other row is the same person, and then what of both is kept; or show what a merge does."""
    if form := drafted(context, query.draft, MergeForm):
        return _unless_merged(context, form, _form if form.action == "edit" else _preview)
    absorbed = query.absorbed
    if absorbed is None and query.number:
        absorbed = peer_mentors.find_number(context.conn, query.number)
    if absorbed is None or absorbed == query.kept:
        error = ""
        if query.number:
            error = context._(_SAME) if absorbed else context._("Nobody has this number.")
        return context.page(
            "administrator/merge_other.html",
            status=422 if error else 200,
            kept=peer_mentors.get(context.conn, query.kept),
            number=query.number or "",
            error=error,
        )
    return _unless_merged(context, MergeForm(kept=query.kept, absorbed=absorbed), _form)


def _unless_merged(
    context: RequestContext, form: MergeForm, page: Callable[[RequestContext, MergeForm], Response]
) -> Response:
    """Show a page of a merge; who comes back to one that was made goes on to the person of both."""
    kept = [context.ahead(peer_mentors.merged_into, asked) for asked in (form.kept, form.absorbed)]
    try:
        return page(context, form)
    except MissingRightError:
        for one in kept:
            if one.value:
                return context.redirect(
                    f"/mentors/{one.value}", notice=context._("The two are one person already.")
                )
        raise


@router.post("/admin/merges/new")
def merge(context: CurrentAdministrator, form: Annotated[MergeForm, Form()]) -> Response:
    """Go on to what the merge does, or make it where that is confirmed."""
    if form.action != "confirm":
        return preview_at(context, kept=form.kept, absorbed=form.absorbed)
    if form.is_faulty:
        return _preview(context, form)
    try:
        with context.conn.transaction():
            merges.merge(context.conn, form.kept, form.choices(), form.shown)
    except ConsequencesChangedError:
        return _preview(context, form, is_stale=True)
    return context.redirect(f"/mentors/{form.kept}", notice=context._("The two are merged."))


@router.get("/admin/merges/{merge_id}/undo")
def ask_undo(context: CurrentAdministrator, merge_id: UUID, kept: Annotated[UUID, Query()]) -> Response:
    """Show what undoing a merge does."""
    return _undo_page(context, merge_id, kept)


@router.post("/admin/merges/{merge_id}/undo")
def undo(
    context: CurrentAdministrator,
    merge_id: UUID,
    kept: Annotated[UUID, Form()],
    shown: Annotated[str, Form()] = "",
) -> Response:
    """Undo a merge, if that still does what was shown."""
    try:
        with context.conn.transaction():
            merges.undo(context.conn, merge_id, shown)
    except ConsequencesChangedError:
        return _undo_page(context, merge_id, kept, is_stale=True)
    except NotRevertibleError:
        return _undo_page(context, merge_id, kept)
    return context.redirect(f"/mentors/{kept}", notice=context._("The two are two again, each as before."))


def _form(context: RequestContext, form: MergeForm, errors: Mapping[str, str] | None = None) -> Response:
    names = names_of(context)
    sent = [context.ahead(peer_mentors.get, id_) for id_ in (form.kept, form.absorbed)]
    kept, absorbed = (mentor.value for mentor in sent)
    return context.page(
        "administrator/merge.html",
        status=422 if errors else 200,
        form=form,
        kept=kept,
        absorbed=absorbed,
        fields=[(name, context._(_LABELS[name])) for name in FIELDS if _is_choice(kept, absorbed, name)],
        names=names,
        errors=errors or {},
    )


def _is_choice(kept: PeerMentor, absorbed: PeerMentor, name: Field) -> bool:
    """Return whether both rows have this field, each otherwise."""
    values = (getattr(kept, name, None), getattr(absorbed, name, None))
    return None not in values and values[0] != values[1]


def _preview(context: RequestContext, form: MergeForm, *, is_stale: bool = False) -> Response:
    if errors := form.faults(context):
        return _form(context, form, errors)
    preview: Preview | None = None
    names = names_of(context)
    with field_errors(context, _REFUSALS) as errors:
        preview = merges.preview(context.conn, form.kept, form.choices())
    if errors or preview is None:
        return _form(context, form, errors)
    details = preview.details
    return context.page(
        "administrator/merge_preview.html",
        status=409 if is_stale else 200,
        form=form,
        details=details,
        changes=[] if details.merged is None else _changes(context, names, details.kept, details.merged),
        result=_result(preview, is_stale=is_stale),
        preview=preview,
        size=consequences.SHOWN,
        names=names,
        time_zone=time_zone_of(context),
    )


def _result(preview: Preview, *, is_stale: bool) -> PreviewResult[Sequence[merges.Consequence]]:
    return PreviewResult(preview.consequences, is_stale=is_stale)


def _changes(
    context: RequestContext, names: Names, before: Person, after: Person
) -> list[tuple[str, str, str]]:
    """Return each field of the kept row that becomes another one: its label, old and new value."""

    def values(person: Person) -> dict[str, str]:
        return {
            **{context._(label): str(getattr(person, name) or "–") for name, label in _LABELS.items()},
            context._("Chapters"): ", ".join(names.chapters_of(person.chapter_ids)) or "–",
            context._("Consent to the public list"): context._("yes")
            if person.listing_consent
            else context._("no"),
            context._("Login"): context._("yes") if person.has_login else context._("none"),
            context._("Has left"): context._("yes") if person.left_on else context._("no"),
        }

    old, new = values(before), values(after)
    return [(label, old[label], new[label]) for label in old if old[label] != new[label]]


def _undo_page(context: RequestContext, merge_id: UUID, kept: UUID, *, is_stale: bool = False) -> Response:
    mentor = context.ahead(peer_mentors.get, kept)
    sent = context.ahead(merges.of_peer_mentor, kept)
    preview = None
    with suppress(NotRevertibleError), mapped_errors(), context.conn.transaction():
        preview = merges.preview_undo(context.conn, merge_id)
    merge = next((m for m in sent.value if m.id == merge_id), None)
    if merge is None:
        raise MissingRightError
    changed = [context._(TOPICS[topic]) for topic in merge.changed_since or ()]
    return context.page(
        "administrator/merge_undo.html",
        status=409 if is_stale or changed else 200,
        merge=merge,
        kept=mentor.value,
        changed=changed,
        preview=preview,
        result=_result(preview, is_stale=is_stale) if preview else None,
        size=consequences.SHOWN,
    )
