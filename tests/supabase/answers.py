"""The answer to a request of the official client; the caller knows its shape."""

from typing import Any, Final
from uuid import UUID

import pytest
from postgrest import APIError
from supabase import Client

from mentorcert.access.model import qualified

DENIED: Final = "42501"


def asked(client: Client, table: str) -> Any:
    """Return the start of a request for a table, wherever it lies."""
    schema, _, name = qualified(table).partition(".")
    return client.schema(schema).table(name)


def data(request: Any) -> Any:
    """Return what the request answers with."""
    return request.execute().data


def ids(request: Any, key: str = "id") -> set[UUID]:
    """Return the ids of the rows that it answers with."""
    return {UUID(row[key]) for row in data(request)}


def refusal(request: Any) -> dict[str, Any]:
    """Return the error that it answers with: code, message, hint, details."""
    with pytest.raises(APIError) as error:
        request.execute()
    return dict(error.value.json())


def outcome(request: Any) -> Any:
    """Return what it answers with, or the code of the error."""
    try:
        return data(request)
    except APIError as error:
        return error.code
