"""Letters: people are chosen, the text is written, who gets it is looked at, and then it is sent."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Form, Query, Response
from pydantic import BaseModel, BeforeValidator, Field

from mentorcert.errors import StaleVersionError
from mentorcert.notices import letters
from mentorcert.notices.letters import Letter, Outcome, Recipient, State
from mentorcert.translatable import LazyText
from mentorcert.web.context import CurrentCoordinator, RequestContext
from mentorcert.web.coordinator import bulk
from mentorcert.web.coordinator.bulk import Selection
from mentorcert.web.coordinator.display_names import time_zone_of
from mentorcert.web.coordinator.list_query import CursorText, ListQuery
from mentorcert.web.coordinator.listing import list_page
from mentorcert.web.coordinator.mentor_selection import MentorSelection
from mentorcert.web.field_errors import Refusal, field_errors, unreadable
from mentorcert.web.fields import TYPED
from mentorcert.web.page_form import PageForm

router = APIRouter()

_SHOWN: Final = 100
_CHOSEN_AT_MOST: Final = 500

STATES: Final[Mapping[State, LazyText]] = {
    "waiting": LazyText("is being sent"),
    "sent": LazyText("sent"),
    "refused": LazyText("came back: the address takes no mail"),
    "in_doubt": LazyText("perhaps not sent: ask the operator"),
    "not_sent": LazyText("not sent"),
}
_REASONS: Final[Mapping[Outcome, LazyText]] = {
    "no_address": LazyText("Has no e-mail address"),
    "unusable": LazyText("The e-mail address cannot be used"),
    "refused": LazyText("The latest mail came back: the address takes none"),
    "left": LazyText("Has left"),
}
_TEXT_REFUSALS: Final[Mapping[str, Refusal]] = {
    "letters_subject_characters": unreadable("subject"),
    "letters_body_characters": unreadable("body"),
}
_SENDING_REFUSALS: Final[Mapping[str, Refusal]] = {
    "letters_subject_given": Refusal("", LazyText("Write a subject.")),
    "letters_body_given": Refusal("", LazyText("Write a text.")),
    "letters_mails_valid": Refusal("", LazyText("None of the chosen people can be written to.")),
    "letters_an_hour": Refusal("", LazyText("You have sent 10 mails within an hour. Try again later.")),
    "letters_reply_to": Refusal(
        "", LazyText("Your login has no confirmed e-mail address of its own, so nobody could answer you.")
    ),
}


class ChosenForm(Selection):
    """Whom to write to: who holds the certifications that are chosen in the list, or one peer mentor."""

    id: Annotated[list[UUID], Field(default_factory=list, max_length=_CHOSEN_AT_MOST)]
    mentor: UUID | None = None
    then: Literal["write", "copy"] = "write"


def _with_line_feeds(value: Any) -> Any:
    """Return a text as the reader counts it: browsers send two characters for the end of a line."""
    return value.replace("\r\n", "\n") if isinstance(value, str) else value


class LetterForm(PageForm):
    """The text of a letter."""

    subject: Annotated[str, Field(max_length=letters.LONGEST_SUBJECT), TYPED] = ""
    body: Annotated[str, Field(max_length=letters.LONGEST_BODY), BeforeValidator(_with_line_feeds), TYPED] = (
        ""
    )


class SendForm(BaseModel):
    """What was shown: the text by the instant at which it was written, the recipients by their fingerprint."""

    written_at: datetime
    shown: Annotated[str, Field(max_length=64)] = ""


class MentorsForm(MentorSelection):
    """Whom to write to, of the list of peer mentors."""

    then: Literal["write", "copy"] = "write"


class LettersQuery(BaseModel):
    """After which letter the page begins."""

    after: CursorText = None


@router.get("/letters")
def show_all(context: CurrentCoordinator, query: Annotated[LettersQuery, Query()]) -> Response:
    """List what was sent, and the drafts of the visitor."""
    page = letters.page(context.conn, after=query.after)
    return context.page(
        "coordinator/letters.html",
        letters=page.rows,
        time_zone=time_zone_of(context),
        next_url=f"/letters?after={page.next}" if page.next else None,
        first_url="/letters" if query.after else None,
    )


@router.post("/letters")
def start(context: CurrentCoordinator, form: Annotated[ChosenForm, Form()]) -> Response:
    """Begin a letter to those who are chosen, or show their addresses."""
    errors = form.faults(context)
    chosen = [form.mentor] if form.mentor else []
    if not form.mentor and not errors:
        ids = bulk.chosen(context, form, [*form.ticked, *form.id])
        chosen = letters.holders(context.conn, ids) if ids else []
        if not chosen:
            errors = {"scope": context._("Tick at least one certification, or choose all of them.")}
        elif len(chosen) > letters.AT_MOST:
            errors = {"scope": context._("Choose at most %(number)s people at once.", number=letters.AT_MOST)}
    if errors:
        return list_page(context, ListQuery.read(form.query), errors, form)
    return _started(context, chosen, form.then)


@router.post("/mentors/letters")
def start_for_mentors(context: CurrentCoordinator, form: Annotated[MentorsForm, Form()]) -> Response:
    """Begin a letter to those who are chosen in the list of peer mentors, or show their addresses."""
    chosen = form.ids(context)
    if not chosen:
        return context.redirect(form.back(), notice=context._("Choose at least one peer mentor first."))
    if len(chosen) > letters.AT_MOST:
        return context.redirect(
            form.back(),
            notice=context._("Choose at most %(number)s people at once.", number=letters.AT_MOST),
        )
    return _started(context, chosen, form.then)


def _started(context: RequestContext, chosen: Sequence[UUID], then: str) -> Response:
    path = f"/letters/{letters.draft(context.conn, chosen)}"
    return context.redirect(f"{path}/addresses" if then == "copy" else path)


@router.get("/letters/{letter_id}")
def show(context: CurrentCoordinator, letter_id: UUID) -> Response:
    """Show the form of a draft, or what was sent and to whom."""
    found = context.ahead(letters.recipients, letter_id)
    deliveries = context.ahead(letters.deliveries, letter_id)
    letter = letters.get(context.conn, letter_id)
    if letter.sent_at is None:
        form = LetterForm(subject=letter.subject, body=letter.body)
        return _form(context, letter, found.value, form)
    return context.page(
        "coordinator/letter_sent.html",
        letter=letter,
        deliveries=deliveries.value,
        states={state: context._(text) for state, text in STATES.items()},
        time_zone=time_zone_of(context),
    )


@router.post("/letters/{letter_id}")
def write(context: CurrentCoordinator, letter_id: UUID, form: Annotated[LetterForm, Form()]) -> Response:
    """Keep the text, and go on to the preview."""
    found = context.ahead(letters.recipients, letter_id)
    letter = letters.get(context.conn, letter_id)
    if letter.sent_at is not None:
        return _sent_already(context, letter_id)
    errors = form.faults(context)
    if not errors and form.lacks("subject"):
        errors["subject"] = context._("Write a subject.")
    if not errors and form.lacks("body"):
        errors["body"] = context._("Write a text.")
    if not errors:
        with field_errors(context, _TEXT_REFUSALS) as errors:
            letters.write(context.conn, letter_id, form.subject, form.body)
    if errors:
        return _form(context, letter, found.value, form, errors)
    return context.redirect(f"/letters/{letter_id}/preview")


@router.get("/letters/{letter_id}/preview")
def preview(context: CurrentCoordinator, letter_id: UUID) -> Response:
    """Show the letter as it is sent, who gets it, and who does not and why; nothing is sent."""
    reply_to = context.ahead(letters.reply_address)
    found = context.ahead(letters.recipients, letter_id)
    letter = letters.get(context.conn, letter_id)
    if letter.sent_at is not None or not (letter.subject and letter.body):
        return context.redirect(f"/letters/{letter_id}")
    return _preview(context, letter, found.value, reply_to.value)


@router.post("/letters/{letter_id}/send")
def send(context: CurrentCoordinator, letter_id: UUID, form: Annotated[SendForm, Form()]) -> Response:
    """Send the letter, if what was shown is still so."""
    reply_to = context.ahead(letters.reply_address)
    found = context.ahead(letters.recipients, letter_id)
    letter = letters.get(context.conn, letter_id)
    if letter.sent_at is not None:
        return _sent_already(context, letter_id)
    if form.shown != _fingerprint(found.value):
        return _preview(context, letter, found.value, reply_to.value, is_stale=True)
    number = 0
    try:
        with field_errors(context, _SENDING_REFUSALS) as errors:
            number = letters.send(context.conn, letter_id, form.written_at)
    except StaleVersionError:
        return _preview(
            context, letters.get(context.conn, letter_id), found.value, reply_to.value, is_stale=True
        )
    if errors:
        return _preview(context, letter, found.value, reply_to.value, refusal=errors[""])
    if not number:
        return _sent_already(context, letter_id)
    return context.redirect(
        f"/letters/{letter_id}",
        notice=context.ngettext(
            "The mail is sent to %(num)s person in a moment.",
            "The mail is sent to %(num)s people in a moment, to each alone.",
            number,
        ),
    )


@router.get("/letters/{letter_id}/addresses")
def addresses(context: CurrentCoordinator, letter_id: UUID) -> Response:
    """Show the addresses of those who are chosen, to be copied into another program."""
    found = context.ahead(letters.recipients, letter_id)
    letter = letters.get(context.conn, letter_id)
    if letter.sent_at is not None:
        return context.redirect(f"/letters/{letter_id}")
    return context.page(
        "coordinator/addresses.html",
        letter=letter,
        addresses=_addresses(found.value),
        others=_others(context, found.value),
    )


@router.get("/letters/{letter_id}/addresses.txt")
def addresses_file(context: CurrentCoordinator, letter_id: UUID) -> Response:
    """Send the addresses of those who are chosen, one a line."""
    found = context.ahead(letters.recipients, letter_id)
    # Raises where it is not the visitor's.
    letters.get(context.conn, letter_id)
    text = "".join(f"{address}\r\n" for address in _addresses(found.value))
    return Response(
        text,
        media_type="text/plain; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="addresses.txt"'},
    )


def _addresses(found: Sequence[Recipient]) -> list[str]:
    """Return each address once, also where two people share it."""
    return list(dict.fromkeys(one.email for one in found if one.outcome == "mail" and one.email))


def _others(context: RequestContext, found: Sequence[Recipient]) -> list[tuple[str, list[Recipient], int]]:
    """Return who gets nothing, by reason: some of them, and how many they are."""
    others: defaultdict[Outcome, list[Recipient]] = defaultdict(list)
    for one in found:
        others[one.outcome].append(one)
    return [
        (context._(text), others[outcome][:_SHOWN], len(others[outcome]))
        for outcome, text in _REASONS.items()
        if others[outcome]
    ]


def _fingerprint(found: Sequence[Recipient]) -> str:
    wanted = sorted(str(one.peer_mentor_id) for one in found if one.outcome == "mail")
    return hashlib.sha256(repr(wanted).encode()).hexdigest()


def _sent_already(context: RequestContext, letter_id: UUID) -> Response:
    return context.redirect(
        f"/letters/{letter_id}", notice=context._("The mail was sent already. Nobody gets it twice.")
    )


def _form(
    context: RequestContext,
    letter: Letter,
    found: Sequence[Recipient],
    form: LetterForm,
    errors: Mapping[str, str] | None = None,
) -> Response:
    return context.page(
        "coordinator/letter.html",
        status=422 if errors else 200,
        letter=letter,
        form=form,
        errors=errors or {},
        wanted=[one for one in found if one.outcome == "mail"],
        chosen=len(found),
        longest=(letters.LONGEST_SUBJECT, letters.LONGEST_BODY),
    )


def _preview(
    context: RequestContext,
    letter: Letter,
    found: Sequence[Recipient],
    reply_to: str | None,
    *,
    is_stale: bool = False,
    refusal: str | None = None,
) -> Response:
    wanted = [one for one in found if one.outcome == "mail"]
    return context.page(
        "coordinator/letter_preview.html",
        status=409 if is_stale else 422 if refusal else 200,
        letter=letter,
        reply_to=reply_to,
        wanted=wanted[:_SHOWN],
        number=len(wanted),
        others=_others(context, found),
        shown=_fingerprint(found),
        is_stale=is_stale,
        refusal=refusal,
        here=f"/letters/{letter.id}/preview",
    )
