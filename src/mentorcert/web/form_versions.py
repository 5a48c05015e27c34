"""What a form showed when it was opened: a change made meanwhile is shown, and never overwritten unseen."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Generic, TypeVar

from fastapi import Response
from pydantic import Field

from mentorcert.errors import StaleVersionError
from mentorcert.translatable import LazyText
from mentorcert.web.context import RequestContext
from mentorcert.web.page_form import PageForm

_LONGEST: Final = 100_000


class VersionedForm(PageForm):
    """A form of one row; `seen` is the version and the fields with which it was opened, sealed."""

    seen: Annotated[str, Field(max_length=_LONGEST, exclude=True)] = ""


F = TypeVar("F", bound=VersionedForm)
Writer = Callable[[str, Any], str]


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that was changed meanwhile, in words; `was` is unknown where the form did not say.

    `is_saved`: all that the form says is there already, as after going back from where it was saved.
    """

    label: LazyText
    was: str | None
    now: str
    typed: str
    is_saved: bool


@dataclass(frozen=True, slots=True)
class Merged(Generic[F]):
    """What the row is now, with what this person changed, and what somebody else did."""

    form: F
    differences: list[Difference]


def opened(context: RequestContext, form: F, version: int) -> F:
    """Return a form as it is opened: it carries the version and the fields that it shows."""
    seen = context.cookies.seal([version, form.model_dump(mode="json")], _purpose(context))
    return form.model_copy(update={"seen": seen})


def merged(
    context: RequestContext,
    typed: F,
    now: F,
    version: int,
    *,
    labels: Mapping[str, LazyText],
    write: Writer = lambda _name, value: str(value),
) -> Merged[F] | None:
    """Return what to show where the fields were changed since the form was opened; None where they were not.

    What the person typed is kept; a field that the person left alone is as it is now. `write` gives a value of a
    field as the page shows it.
    """
    seen: tuple[int | None, dict[str, Any]] = context.cookies.unseal(typed.seen, _purpose(context)) or (
        None,
        {},
    )
    seen_version, was = seen
    if seen_version == version:
        return None
    ours, theirs = typed.model_dump(mode="json"), now.model_dump(mode="json")
    changed = [name for name in labels if _key(was.get(name, ours[name])) != _key(theirs[name])]
    if not changed:
        return None
    kept = {name: _kept(was.get(name, theirs[name]), theirs[name], ours[name]) for name in labels}

    is_saved = all(_key(ours[name]) == _key(theirs[name]) for name in labels)

    def text(name: str, value: Any) -> str:
        return _text(context, name, value, write)

    differences = [
        Difference(
            labels[name],
            text(name, was[name]) if name in was else None,
            text(name, theirs[name]),
            text(name, ours[name]),
            is_saved,
        )
        for name in changed
    ]
    form = opened(context, now, version)
    return Merged(type(typed).model_validate({**ours, **kept, "seen": form.seen}), differences)


def retried(attempt: Callable[[], Response]) -> Response:
    """Try once more where the row was changed after the attempt had read it: then it reads the change."""
    try:
        return attempt()
    except StaleVersionError:
        return attempt()


def _purpose(context: RequestContext) -> str:
    return f"seen {context.request.url.path}"


def _kept(was: Any, now: Any, typed: Any) -> Any:
    """Return what was typed where it is a change, else what is there now; of a list each item by itself."""
    if isinstance(typed, list):
        return [*(item for item in now if item in typed or item not in was), *(set(typed) - {*was, *now})]
    return now if typed == was else typed


def _key(value: Any) -> Any:
    return sorted(value) if isinstance(value, list) else value


def _text(context: RequestContext, name: str, value: Any, write: Writer) -> str:
    if isinstance(value, bool):
        return context._("Yes") if value else context._("No")
    return write(name, value) if value not in (None, "", []) else "–"
