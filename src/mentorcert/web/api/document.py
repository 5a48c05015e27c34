"""The OpenAPI document: which operations there are, and every answer that each can give."""

from typing import Any, Final

from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema
from starlette.routing import BaseRoute

from mentorcert.web.api.problem import Problem

_DESCRIPTION: Final = """\
Certifications of peer mentors: who is certified, for what, from when, until when, and how it came to be so.

Send the access token of a session at Supabase Auth as `Authorization: Bearer TOKEN`. The rights are those of
its bearer, as the database has them at this moment: what you may not see is not there.

Lists are read page by page: send `next` of one page as `after` for the following one, with the same filters.
Every error is a problem (RFC 9457); go by its `code` or `type`.\
"""
_TAGS: Final = {
    "certifications": "Lists of certifications, one, and whether it was valid then.",
    "changes": "Register, renew, suspend, reinstate, and take a change back.",
    "renewal requests": "Peer mentors ask for a renewal; who may renew approves, refuses or asks back.",
    "courses": "Courses are planned, signed up for, attended, and closed by certifying who attended.",
    "history": "How a certification came to be as it is.",
    "peer mentors": "The people who are certified.",
    "figures": "How many, for reports and the board, and what lies ahead.",
    "public list": "Who may be shown to everybody today.",
}


def describe(routes: list[BaseRoute]) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of these routes."""
    document = get_openapi(
        title="mentorcert",
        version="1.0.0",
        summary="A certification registry for peer-mentor programmes.",
        description=_DESCRIPTION,
        routes=routes,
        tags=[{"name": name, "description": text} for name, text in _TAGS.items()],
    )
    _, definitions = models_json_schema(
        [(Problem, "serialization")], ref_template="#/components/schemas/{model}"
    )
    document["components"]["schemas"] |= definitions["$defs"]
    for operation in (operation for path in document["paths"].values() for operation in path.values()):
        for parameter in operation.get("parameters", ()):
            _leave_out_null(parameter["schema"])
    return document


def _leave_out_null(schema: dict[str, Any]) -> None:
    """Remove null from the types of a parameter: a URL has no null."""
    match schema.get("anyOf"):
        case [dict(given), {"type": "null"}]:
            del schema["anyOf"]
            schema.update(given)
