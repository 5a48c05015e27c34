"""ETags of single resources, by their content, and changes of nothing but what was read (If-Match)."""

import hashlib
import re
from typing import Annotated, Any, Final

from fastapi import Depends, Header, Response
from pydantic import BaseModel

from mentorcert.errors import PreconditionFailedError

_TAG: Final = re.compile(r'"[\x21\x23-\x7e\x80-\xff]*"')


def tagged(response: Response, resource: BaseModel) -> None:
    """Send the ETag of a resource along with it."""
    response.headers["ETag"] = _etag(resource)


def require_match(if_match: str, resource: BaseModel) -> None:
    """Raise PreconditionFailedError unless the resource is one that the header names."""
    tags = [tag.strip() for tag in if_match.split(",")]
    # A weak tag (W/"…") never stands for the same content, and no tag of ours has a comma.
    if if_match.strip() != "*" and _etag(resource) not in filter(_TAG.fullmatch, tags):
        raise PreconditionFailedError(hint="Get it again, and send the ETag that it has now.")


def _if_match(
    if_match: Annotated[
        str | None,
        Header(
            description="The `ETag` of what was read: another one is not changed (412). Without it, any is."
        ),
    ] = None,
) -> str | None:
    return if_match


# For the document; a change reads the header itself, where the row is locked.
conditional: Final = Depends(_if_match)

WITH_TAG: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "headers": {
            "ETag": {
                "description": "It changes with the content. Send it as `If-Match` with a change.",
                "required": True,
                "schema": {"type": "string"},
            }
        }
    }
}


def _etag(resource: BaseModel) -> str:
    return f'"{hashlib.sha256(resource.model_dump_json().encode()).hexdigest()[:32]}"'
