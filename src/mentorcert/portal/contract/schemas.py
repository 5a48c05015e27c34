"""The published JSON Schemas, and validation against them."""

import json
from functools import cache
from typing import Any, Final

from jsonschema import Draft202012Validator

from mentorcert.errors import MessageInvalidError
from mentorcert.package_files import folder
from mentorcert.portal.contract.message import Message

_ENVELOPE: Final = "urn:mentorcert:envelope/v1.0.json"


def schema(uri: str) -> dict[str, Any]:
    """Return the schema with this `$id`; raises KeyError where none is published."""
    return published()[uri]


def problems(event: Any) -> list[str]:
    """Return where a message violates its schemas, as JSON pointers with the rule; empty for a valid one.

    Values are never quoted. Unknown names are valid: minor versions add fields.
    """
    if found := _broken(_validator(_ENVELOPE), event, ""):
        return found
    uri = event["dataschema"]
    major = event["type"].rpartition(".")[2]
    if uri not in published() or f"/{major}." not in uri:
        return ["/dataschema: unknown, or of another version than type"]
    return _broken(_validator(uri), event["data"], "/data")


def check(message: Message) -> None:
    """Raise MessageInvalidError unless a message of ours is valid."""
    if found := problems(message.event):
        raise MessageInvalidError(
            f"The message does not follow {message.event['dataschema']}: {'; '.join(found)}.",
            hint="Nothing was sent. Compare the registry's data with docs/portal/contract.md.",
        )


@cache
def published() -> dict[str, dict[str, Any]]:
    """Return every schema by its `$id`."""
    files = folder("docs/portal/schemas").glob("*/*.json")
    return {one["$id"]: one for one in (json.loads(file.read_text("utf-8")) for file in files)}


@cache
def _validator(uri: str) -> Draft202012Validator:
    return Draft202012Validator(schema(uri), format_checker=Draft202012Validator.FORMAT_CHECKER)


def _broken(validator: Draft202012Validator, value: Any, at: str) -> list[str]:
    return sorted(
        f"{at}{''.join(f'/{step}' for step in error.absolute_path)}: {error.validator}"
        for error in validator.iter_errors(value)
    )
