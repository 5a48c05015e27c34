"""The part of OData that the staging portal supports: keys, $select, $filter, preferences, errors."""

import operator
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any, Final

from fastapi.responses import JSONResponse

Row = dict[str, Any]
Predicate = Callable[[Row], bool]
IsColumn = Callable[[str], bool]

LARGEST_PAGE: Final = 5000
UNADDRESSABLE: Final = frozenset("/<>*%&:\\?+#")
"""What the real Web API refuses in the value of an alternate key, also percent-encoded."""

_KEY: Final = re.compile(r"\((?:(?P<name>\w+)='(?P<value>(?:[^']|'')*)'|(?P<id>[0-9a-fA-F-]{36}))\)")
_CONDITION: Final = re.compile(r"(\w+) (eq|ne|gt|ge|lt|le) ('(?:[^']|'')*'|[^\s']+)")
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_PAGE_SIZE: Final = re.compile(r"odata\.maxpagesize=(\d+)")
_CONSTANTS: Final[dict[str, Any]] = {"true": True, "false": False, "null": None}


class ODataError(Exception):
    """A request that the Web API refuses, with the answer that it gives."""

    def __init__(
        self, status: int, message: str, code: str = "", headers: dict[str, str] | None = None
    ) -> None:
        """Take the status, and the fields of the error's JSON."""
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.headers = headers

    def response(self) -> JSONResponse:
        """Return the answer; the code is often empty in Dataverse too."""
        return JSONResponse(
            {"error": {"code": self.code, "message": self.message}}, self.status, self.headers
        )


def unknown_property(name: str) -> ODataError:
    """Return the error for a column that the table lacks."""
    return ODataError(
        400,
        f"Could not find a property named '{name}' on type 'Microsoft.Dynamics.CRM.hlf_peermentor'.",
        "0x80060888",
    )


def key(text: str, alternate_keys: Collection[str]) -> tuple[str, str] | None:
    """Read `(name='value')` or `(<guid>)`, after the entity set.

    Returns the column and the value, the column empty for the primary key; None where there is no key.
    """
    if not text:
        return None
    match = _KEY.fullmatch(text)
    if match is None:
        raise ODataError(400, "Bad Request - Error in query syntax.", "0x80060888")
    if match["id"]:
        return "", match["id"].lower()
    if match["name"] not in alternate_keys:
        raise ODataError(400, "The key in the request URI is not valid for the entity.", "0x80060888")
    value = match["value"].replace("''", "'")
    if UNADDRESSABLE.intersection(value):
        raise ODataError(400, "Bad Request - Error in query syntax.", "0x80060888")
    return match["name"], value


def select(text: str | None, is_column: IsColumn) -> list[str] | None:
    """Return the columns of `$select`; None where it is not given."""
    names = text.split(",") if text else []
    for name in names:
        if not is_column(name):
            raise unknown_property(name)
    return names or None


def condition(text: str | None, is_column: IsColumn) -> Predicate:
    """Read a `$filter` of comparisons joined by `and`; parentheses are ignored."""
    if text is None:
        return lambda _: True
    tests: list[Predicate] = []
    rest = text
    while match := _CONDITION.match(rest.lstrip("(")):
        name, compare, literal = match.groups()
        closing = literal.rstrip(")") if not literal.startswith("'") else literal
        if not is_column(name):
            raise unknown_property(name)
        tests.append(_test(name, compare, _literal(closing)))
        rest = rest.lstrip("(")[match.end() :].lstrip(")")
        if not rest:
            return lambda row: all(test(row) for test in tests)
        rest = rest.removeprefix(" and ")
    raise ODataError(
        400, "The staging portal supports only comparisons joined by and in $filter.", "0x80060888"
    )


def page_size(prefer: str) -> int:
    """Return the page size that the header `Prefer` asks for, at most 5000."""
    match = _PAGE_SIZE.search(prefer)
    return min(int(match[1]), LARGEST_PAGE) if match and int(match[1]) else LARGEST_PAGE


def skip_token(position: int) -> str:
    """Return the opaque token of a position in the table."""
    return urlsafe_b64encode(f"<cookie pagenumber='2' last='{position}' />".encode()).decode()


def position(token: str | None) -> int:
    """Return the position in a skip token; 0 without one."""
    if token is None:
        return 0
    try:
        match = re.search(r"last='(\d+)'", urlsafe_b64decode(token).decode())
    except ValueError:
        match = None
    if match is None:
        raise ODataError(400, "The skip token is not valid.", "0x80060888")
    return int(match[1])


def _literal(text: str) -> Any:
    if text.startswith("'"):
        return text[1:-1].replace("''", "'")
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INSTANT.fullmatch(text):
        return datetime.fromisoformat(text)
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    raise ODataError(400, "A literal in $filter is not valid.", "0x80060888")


def _test(name: str, compare: str, literal: Any) -> Predicate:
    order: Callable[[Any, Any], bool] = getattr(operator, compare)
    # As in Dataverse, null is neither less nor greater than anything.
    return lambda row: (
        _comparable(row.get(name), literal, compare) and order(_value(row.get(name), literal), literal)
    )


def _comparable(value: Any, literal: Any, compare: str) -> bool:
    return compare in ("eq", "ne") or type(_value(value, literal)) is type(literal)


def _value(value: Any, literal: Any) -> Any:
    if isinstance(literal, datetime) and isinstance(value, str) and _INSTANT.fullmatch(value):
        return datetime.fromisoformat(value)
    return value
