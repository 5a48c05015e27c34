"""A preview has an address of its own: what was sent is kept as a draft, and shown by a GET that names it."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, TypeVar, get_origin
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Response

from mentorcert.organisations import form_drafts
from mentorcert.web.context import SAFE_METHODS, RequestContext
from mentorcert.web.page_form import PageForm

F = TypeVar("F", bound=PageForm)


def preview_at(context: RequestContext, **of: UUID) -> Response:
    """Keep the form that was sent, and go on to the address of its preview: nothing is sent twice by a reload.

    `of` names what the page is about where its path does not.
    """
    form = context.request.state.sent_form
    path = context.request.url.path
    draft_id = form_drafts.keep(context.conn, context.member()[1].id, path, form.fields)
    return context.redirect(f"{path}?{urlencode({**of, 'draft': draft_id})}")


def page_at_address(context: RequestContext, template: str, *, status: int = 200, **values: Any) -> Response:
    """Render a page; where it answers a form that has nothing wrong, go on to an address that shows the same."""
    if status == HTTPStatus.OK and context.request.method not in SAFE_METHODS:
        return preview_at(context)
    return context.page(template, status=status, **values)


def drafted(context: RequestContext, draft_id: UUID | None, model: type[F]) -> F | None:
    """Return the form that was sent to this address, to be previewed; None where nothing is kept."""
    draft = context.sent_draft.value if draft_id and context.sent_draft else None
    return (
        None if draft is None else model.model_validate({**_values(model, draft.fields), "step": "preview"})
    )


def _values(model: type[PageForm], fields: list[tuple[str, str]]) -> Mapping[str, Any]:
    """Return the values as FastAPI reads them of a form: of a name the last, of a list all, and nothing of an empty one."""
    values: dict[str, Any] = {}
    for name, value in fields:
        if name in model.model_fields and value:
            if get_origin(model.model_fields[name].annotation) is list:
                values.setdefault(name, []).append(value)
            else:
                values[name] = value
    return values
