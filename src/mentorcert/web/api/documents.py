"""Pages of lists whose items the database has made as JSON: they are handed on as they are."""

import json

from fastapi import Response


def document(items: str, next_: str | None) -> Response:
    """Return the page; `items` is a JSON array."""
    return Response(f'{{"items":{items},"next":{json.dumps(next_)}}}', media_type="application/json")
