"""The end of a membership, or of somebody's time in a chapter: now, or after a day that is known."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from uuid import UUID

from pydantic import Field

from mentorcert.db.connection import Connection
from mentorcert.organisations.consequences import SHOWN
from mentorcert.translatable import LazyText
from mentorcert.web.administrator.consequences import Result, weighed_change
from mentorcert.web.context import RequestContext
from mentorcert.web.coordinator.display_names import today_of
from mentorcert.web.field_errors import Refusal, field_errors
from mentorcert.web.fields import Maybe, OptionalDay
from mentorcert.web.page_form import PageForm

FAR = Refusal("last_day", LazyText("The day lies too far ahead."))


class EndForm(PageForm):
    """The last day, none to end it now; `version` and `shown` are what the reader saw."""

    last_day: OptionalDay = None
    version: Maybe[int] = None
    shown: str = Field("", max_length=64)


class KeepForm(PageForm):
    """The version whose end is taken away."""

    version: int


@dataclass(slots=True)
class Ending:
    """What the form of an end came to: made, or shown with its consequences and what is wrong."""

    form: EndForm
    errors: dict[str, str] = field(default_factory=dict)
    result: Result = field(default_factory=Result)
    size: int = SHOWN

    @property
    def last_day(self) -> date | None:
        """The day that was asked for."""
        return self.form.last_day

    @property
    def is_made(self) -> bool:
        """Whether the end is written."""
        return self.result.is_done and not self.errors

    def status(self, form: EndForm | None) -> int:
        """Return the HTTP status of the page that shows it; one that was only opened has no error."""
        return 422 if self.errors and form is not None else self.result.status


def ending(
    context: RequestContext,
    subject: UUID,
    form: EndForm | None,
    refusals: Mapping[str, Refusal],
    end: Callable[[Connection, date | None], None],
) -> Ending:
    """Try an end and undo it, or make it where `form` confirms what it does; without one it is only shown."""
    made = Ending(form or EndForm())
    made.errors.update(made.form.faults(context))
    shown = form.shown if form and not made.errors else None
    if made.last_day is not None and made.last_day < today_of(context):
        made.errors["last_day"] = context._("The day has passed. Leave it empty to end it now.")
        shown = None
    later = partial(end, context.conn, made.last_day) if made.last_day is not None else None
    with (
        field_errors(context, refusals) as errors,
        weighed_change(context, shown, subject, later=later) as made.result,
    ):
        ended = context.ahead(end, None)
    made.errors.update(errors)
    if not errors:
        ended.value  # noqa: B018 raises what was refused
    return made
