"""Answers that are sent again only where they have changed (ETag, If-None-Match)."""

import hashlib

from fastapi import Request, Response


def conditional(request: Request, answer: Response) -> Response:
    """Return the answer with a tag of its content; 304 without it where the client has it already.

    The tag is weak: compressed or not, it is the same content.
    """
    tag = f'W/"{hashlib.sha256(answer.body).hexdigest()[:32]}"'
    answer.headers["ETag"] = tag
    known = {
        given.strip().removeprefix("W/") for given in request.headers.get("if-none-match", "").split(",")
    }
    if known.isdisjoint({tag.removeprefix("W/"), "*"}):
        return answer
    kept = {name: answer.headers[name] for name in ("cache-control", "etag")}
    vary = ", ".join(filter(None, (answer.headers.get("vary"), "Accept-Encoding")))
    return Response(status_code=304, headers={**kept, "vary": vary})
