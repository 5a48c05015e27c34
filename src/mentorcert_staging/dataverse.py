"""The Dataverse Web API of one table: upsert and read by key, etags, paging, service limits, errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from mentorcert_staging import odata
from mentorcert_staging.odata import ODataError
from mentorcert_staging.portal import CurrentPortal
from mentorcert_staging.store import COLUMNS, EPOCH, KEY, RECORD_ID, VERSION, KeyTakenError, Row, Store
from mentorcert_staging.tokens import bearer

SET: Final = "hlf_peermentors"

_LARGEST: Final = 2**63 - 1
_CERTIFICATION: Final = "hlf_cert_"
_ALTERNATE_KEYS: Final = (KEY, "hlf_externalid")
_READABLE: Final = (RECORD_ID, *COLUMNS, "createdon", "modifiedon", "versionnumber")
_OPTIONS: Final = frozenset({"$select", "$filter", "$top", "$skiptoken"})


router = APIRouter(prefix="/api/data/v9.2")


@router.get("/WhoAmI")
async def who_am_i(request: Request, portal: CurrentPortal) -> Response:
    """Return the caller's identity, to probe the sign-in."""
    with _authenticated(request, portal):
        return JSONResponse({"UserId": str(UUID(int=0)), "OrganizationId": str(UUID(int=0))})


@router.api_route(f"/{SET}{{key:path}}", methods=["GET", "POST", "PATCH", "DELETE"])
async def table(request: Request, key: str, portal: CurrentPortal) -> Response:
    """Read or write the table, or one row of it."""
    with _authenticated(request, portal) as headers:
        response = await _serve(request, odata.key(key, _ALTERNATE_KEYS), portal.store)
    response.headers.update({**headers, "odata-version": "4.0"})
    return response


@contextmanager
def _authenticated(request: Request, portal: CurrentPortal) -> Iterator[dict[str, str]]:
    if not portal.tokens.valid(bearer(request.headers.get("authorization", ""))):
        raise ODataError(401, "", headers={"www-authenticate": 'Bearer error="invalid_token"'})
    with portal.protection.guarded() as headers:
        yield headers


async def _serve(request: Request, key: tuple[str, str] | None, store: Store) -> Response:
    match request.method, key:
        case "GET", None:
            return _list(store, request)
        case "GET", (column, value):
            return _read(_existing(store, column, value), request)
        case "POST", None:
            return _write(store, request, None, await _body(request))
        case "PATCH", (column, value):
            return _write(store, request, (column, value), await _body(request))
        case "DELETE", (column, value):
            store.delete(_existing(store, column, value)[RECORD_ID])
            return Response(status_code=204)
    raise ODataError(405, "The requested resource does not support this HTTP method.")


def _existing(store: Store, column: str, value: str) -> Row:
    row = store.find(column, value)
    if row is None:
        raise ODataError(404, "A record with the specified key values does not exist.", "0x80060891")
    return row


def _write(store: Store, request: Request, key: tuple[str, str] | None, changes: Row) -> Response:
    before = store.find(*key) if key else None
    if_match, if_none_match = request.headers.get("if-match"), request.headers.get("if-none-match")
    if before is None and if_match is not None:
        raise ODataError(404, "A record with the specified key values does not exist.", "0x80060891")
    if before is not None and if_none_match == "*":
        raise ODataError(412, "A record with matching key values already exists.", "0x80040237")
    if before is not None and if_match not in (None, "*", _etag(before)):
        raise ODataError(
            412,
            "The version of the existing record doesn't match the RowVersion property provided.",
            "0x80060882",
        )
    column, value = key or ("", None)
    if before is not None:
        changes["certifications"] = before["certifications"] | changes["certifications"]
    elif column:
        changes[column] = value
    try:
        row = store.save(changes, before, record_id=None if column else value)
    except KeyTakenError:
        raise ODataError(412, "A record with matching key values already exists.", "0x80040237") from None
    if row[KEY] is not None and VERSION in changes:
        store.record("dataverse", row[KEY], row[VERSION], "applied", epoch=row[EPOCH])
    url = f"{request.base_url}api/data/v9.2/{SET}({row[RECORD_ID]})"
    if "return=representation" in request.headers.get("prefer", ""):
        return JSONResponse(_shown(row, request), 200 if before else 201, {"etag": _etag(row)})
    return Response(status_code=204, headers={"odata-entityid": url, "location": url})


async def _body(request: Request) -> Row:
    """Return the columns of a body; any `hlf_cert_…` is allowed, and goes into `certifications`."""
    try:
        given = await request.json()
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise ODataError(
            400, "Error identified in Payload provided by the user for Entity :''.", "0x80048d19"
        )
    changes: Row = {"certifications": {}}
    for name, value in given.items():
        if name.startswith(_CERTIFICATION):
            changes["certifications"][name] = value
        elif name not in COLUMNS:
            raise ODataError(400, f"Invalid property '{name}' was found in entity '{SET}'.", "0x80048d19")
        elif not _fits(value, COLUMNS[name]):
            raise ODataError(400, f"Cannot convert a value to the type of '{name}'.", "0x80048d19")
        else:
            changes[name] = value
    return changes


def _fits(value: Any, types: tuple[type, ...]) -> bool:
    if value is None:
        return True
    return type(value) in types and not (isinstance(value, int) and abs(value) > _LARGEST)


def _read(row: Row, request: Request) -> Response:
    if request.headers.get("if-none-match") == _etag(row):
        return Response(status_code=304)
    return JSONResponse(_context(request, "/$entity") | _shown(row, request), headers={"etag": _etag(row)})


def _list(store: Store, request: Request) -> Response:
    query = request.query_params
    if unknown := query.keys() - _OPTIONS:
        raise ODataError(
            400, f"The staging portal does not support the query option {min(unknown)}.", "0x80060888"
        )
    if not query.get("$top", "1").isdecimal():
        raise ODataError(400, "$top is not a number.", "0x80060888")
    # As in Dataverse: with $top there is no next page.
    size = int(query["$top"]) if "$top" in query else odata.page_size(request.headers.get("prefer", ""))
    matches = odata.condition(query.get("$filter"), _is_column)
    odata.select(query.get("$select"), _is_column)
    page = list[Row]()
    last = 0
    for at, row in store.rows(odata.position(query.get("$skiptoken"))):
        if len(page) == size:
            break
        last = at
        if matches(_columns(row)):
            page.append(_shown(row, request))
    else:
        last = 0
    answer: dict[str, Any] = _context(request, "") | {"value": page}
    if last and "$top" not in query:
        next_page = request.url.include_query_params(**{"$skiptoken": odata.skip_token(last)})
        answer["@odata.nextLink"] = str(next_page)
    return JSONResponse(answer)


def _context(request: Request, kind: str) -> dict[str, Any]:
    return {"@odata.context": f"{request.base_url}api/data/v9.2/$metadata#{SET}{kind}"}


def _is_column(name: str) -> bool:
    return name in _READABLE or name.startswith(_CERTIFICATION)


def _shown(row: Row, request: Request) -> Row:
    columns = _columns(row)
    names = odata.select(request.query_params.get("$select"), _is_column) or list(columns)
    return {"@odata.etag": _etag(row)} | {name: columns.get(name) for name in (*names, RECORD_ID)}


def _columns(row: Row) -> Row:
    """Return the row as Dataverse shows it: flat, with a boolean where SQLite has a number."""
    listed = row["hlf_listed"]
    columns = row | row["certifications"] | {"hlf_listed": None if listed is None else bool(listed)}
    return {name: value for name, value in columns.items() if _is_column(name)}


def _etag(row: Row) -> str:
    return f'W/"{row["versionnumber"]}"'
