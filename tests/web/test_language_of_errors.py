"""Whatever is wrong with an address, a page in bokmål says it in bokmål."""

import inspect
import re
from collections.abc import Iterator
from html import unescape
from typing import Annotated, Any, get_args, get_origin, get_type_hints
from uuid import UUID

import pytest
from fastapi import FastAPI, params
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel

from mentorcert.db.connection import Connection
from tests.support.registry import Organisation, join
from tests.web.conftest import Site

WRONG = ("no such thing", "99.99.9999", "x" * 6001, "\x01", "2026-13-01", "-1")
# Words that no sentence in bokmål has; the names of the fixture have none of them.
ENGLISH = re.compile(
    r"\b(the|this|these|not|your|must|give|choose|and|with|which|cannot|write)\b", re.IGNORECASE
)


def asked(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Yield each page with each parameter of its address."""
    for context in iter_route_contexts(app.routes):
        endpoint = getattr(context, "endpoint", None) or getattr(context.original_route, "endpoint", None)
        path = context.path or ""
        if (
            "GET" not in (context.methods or ())
            or path.startswith("/api/")
            or path.endswith(".xlsx")
            or not inspect.isfunction(endpoint)
        ):
            continue
        for name, hint in get_type_hints(endpoint, include_extras=True).items():
            kind, *marks = get_args(hint) if get_origin(hint) is Annotated else (hint,)
            if (
                any(isinstance(mark, params.Depends) for mark in marks)
                or f"{{{name}" in path
                or name == "return"
            ):
                continue
            if inspect.isclass(kind) and issubclass(kind, BaseModel):
                yield from ((path, field.alias or of) for of, field in kind.model_fields.items())
            else:
                alias = next((mark.alias for mark in marks if isinstance(mark, params.Query)), None)
                yield path, alias or name


@pytest.fixture
def ids(conn: Connection, organisation: Organisation) -> dict[str, Any]:
    """What stands for the places of addresses."""
    mentor = organisation.mentor()
    join(organisation, organisation.admin, "coordinator", organisation.chapter)
    return {
        "mentor_id": mentor,
        "certification_id": organisation.certify(mentor),
        "chapter_id": organisation.chapter,
        "slug": "demo",
        "role": "coordinator",
    }


def test_every_parameter_of_every_page(site: Site, organisation: Organisation, ids: dict[str, Any]) -> None:
    client = site.client(organisation.admin, language="nb")
    pages, refused, wrong = list(asked(site.app)), 0, {}
    assert {"/certifications", "/mentors", "/reminders", "/figures", "/admin/audit"} <= {
        path for path, _ in pages
    }
    for path, name in pages:
        address = re.sub(r"\{(\w+)[^}]*\}", lambda place: str(ids.get(place[1], UUID(int=0))), path)
        for value in WRONG:
            answer = client.get(address, params={name: value})
            if answer.status_code < 400 or "text/html" not in answer.headers.get("content-type", ""):
                continue
            refused += 1
            # What was typed is no word of ours.
            text = re.sub(r"<(style|textarea|select)\b.*?</\1>", "", answer.text, flags=re.DOTALL)
            said = unescape(re.sub(r"<[^>]*>", "\n", text)).replace(value, "")
            if found := [line for line in said.splitlines() if ENGLISH.search(line)]:
                wrong[f"{path}?{name}={value[:20]!r} {answer.status_code}"] = found
    assert wrong == {}
    assert refused > 100
