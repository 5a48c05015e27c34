"""Topics and languages: the organisation's list, from which peer mentors choose."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Form, Response
from pydantic import Field

from mentorcert.errors import MissingRightError
from mentorcert.organisations import topics
from mentorcert.organisations.topics import Kind, Topic, Wording
from mentorcert.translatable import LazyText
from mentorcert.web.context import CurrentAdministrator, RequestContext
from mentorcert.web.field_errors import Refusal, field_errors, too_long, unreadable
from mentorcert.web.form_versions import Difference, VersionedForm, merged, opened, retried

router = APIRouter()

_LIST: Final = "/admin/topics"
_REFUSALS: Final[Mapping[str, Refusal]] = {
    "topics_name_valid": Refusal("name_nb", LazyText("Write the name in both languages.")),
    "topics_name_characters": unreadable("name_nb"),
    "topics_name_length": too_long("name_nb"),
    "topics_name_key": Refusal("name_nb", LazyText("The list has this name already.")),
    "topics_number": Refusal("name_nb", LazyText("The list is full: it holds 200 topics and languages.")),
}
_LABELS: Final[Mapping[str, LazyText]] = {
    "name_nb": LazyText("Norwegian name"),
    "name_en": LazyText("English name"),
    "is_offered": LazyText("Can be chosen, and is shown"),
}


class TopicForm(VersionedForm):
    """A topic as its form sends it."""

    kind: Kind = "topic"
    name_nb: str = Field("", max_length=200)
    name_en: str = Field("", max_length=200)
    is_offered: bool = False

    def wording(self) -> Wording:
        """Return what is written of it."""
        return Wording(self.kind, self.name_nb.strip(), self.name_en.strip(), self.is_offered)


@router.get("/admin/topics")
def show(context: CurrentAdministrator) -> Response:
    """Show the list."""
    return context.page("administrator/topics.html", topics=topics.of_organisation(context.conn))


@router.get("/admin/topics/new")
def new(context: CurrentAdministrator, kind: Kind = "topic") -> Response:
    """Show an empty form."""
    return _form(context, None, TopicForm(kind=kind, is_offered=True))


@router.post("/admin/topics/new")
def add(context: CurrentAdministrator, form: Annotated[TopicForm, Form()]) -> Response:
    """Add a topic or a language."""
    return _save(context, None, form)


@router.get("/admin/topics/{topic_id}")
def edit(context: CurrentAdministrator, topic_id: UUID) -> Response:
    """Show the form of one."""
    topic = _find(context, topic_id)
    return _form(context, topic_id, opened(context, _form_of(topic), topic.version))


@router.post("/admin/topics/{topic_id}")
def change(context: CurrentAdministrator, topic_id: UUID, form: Annotated[TopicForm, Form()]) -> Response:
    """Rename one, or offer it no longer, unless somebody else changed it meanwhile."""
    return retried(lambda: _change(context, topic_id, form))


def _change(context: RequestContext, topic_id: UUID, form: TopicForm) -> Response:
    topic = _find(context, topic_id)

    now = merged(context, form, _form_of(topic), topic.version, labels=_LABELS)
    if now is not None:
        return _form(context, topic_id, now.form, differences=now.differences)
    return _save(context, topic, form)


def _save(context: RequestContext, topic: Topic | None, form: TopicForm) -> Response:
    wording = form.wording()
    with field_errors(context, _REFUSALS) as errors:
        topics.save(context.conn, topic, wording)
    if errors:
        return _form(context, topic.id if topic else None, form, errors)
    name = wording.name_en if context.language == "en" else wording.name_nb
    return context.redirect(_LIST, notice=context._("Saved: %(name)s.", name=name))


def _find(context: RequestContext, topic_id: UUID) -> Topic:
    for topic in topics.of_organisation(context.conn):
        if topic.id == topic_id:
            return topic
    raise MissingRightError


def _form_of(topic: Topic) -> TopicForm:
    return TopicForm(
        kind=topic.kind, name_nb=topic.name_nb, name_en=topic.name_en, is_offered=topic.is_offered
    )


def _form(
    context: RequestContext,
    topic_id: UUID | None,
    form: TopicForm,
    errors: Mapping[str, str] | None = None,
    differences: Sequence[Difference] = (),
) -> Response:
    return context.page(
        "administrator/topic.html",
        status=409 if differences else 422 if errors else 200,
        topic_id=topic_id,
        form=form,
        errors=errors or {},
        differences=differences,
    )
