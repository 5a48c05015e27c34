"""The staging portal's pages: the public list, its state, and for tests the history and the faults."""

from datetime import UTC, datetime
from html import escape
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from mentorcert_staging.faults import Script
from mentorcert_staging.portal import CurrentPortal
from mentorcert_staging.store import EPOCH, KEY, VERSION, Row
from mentorcert_staging.webhook import RefusedError, has_key

_PAGE_SIZE: Final = 500

LOGIN_PAGE: Final = "<!doctype html><title>Sign in</title><form method=post><input name=user></form>"

_LIST: Final = """<!doctype html>
<html lang="nb">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Likepersoner</title>
<style>
body {{ font: 1.1rem/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem }}
table {{ border-collapse: collapse; width: 100% }}
caption {{ text-align: left; padding: .5rem 0 }}
th, td {{ text-align: left; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid #767676 }}
</style>
</head>
<body>
<main>
<h1>Likepersoner</h1>
<table>
<caption>{count} likepersoner på prøveportalens offentlige liste</caption>
<thead>
<tr><th scope="col">Nummer</th><th scope="col">Organisasjon</th><th scope="col">Vises til</th></tr>
</thead>
<tbody>
{rows}
</tbody>
</table>
</main>
</body>
</html>
"""


router = APIRouter()


@router.get("/", response_class=HTMLResponse)
async def public_list(portal: CurrentPortal) -> str:
    """Show the public list."""
    rows = portal.store.listed(_now())
    cells = [(row["hlf_externalid"], row["hlf_organisation"], row["hlf_listeduntil"]) for row in rows]
    lines = ["".join(f"<td>{escape(str(cell or '–'))}</td>" for cell in line) for line in cells]
    return _LIST.format(count=len(rows), rows="\n".join(f"<tr>{line}</tr>" for line in lines))


@router.get("/list.json")
async def public_list_as_json(portal: CurrentPortal) -> dict[str, Any]:
    """Show the public list as JSON."""
    return {"peer_mentors": [_state(row) for row in portal.store.listed(_now())]}


@router.get("/state.json")
async def state(request: Request, portal: CurrentPortal, after: int = 0) -> dict[str, Any]:
    """Show every peer mentor, page by page."""
    if not has_key(portal.options, request):
        raise RefusedError(401, "The key is missing or wrong.")
    found = list[Row]()
    for at, row in portal.store.rows(after):
        if len(found) == _PAGE_SIZE:
            query = urlencode(dict(request.query_params) | {"after": after})
            return {"peer_mentors": found, "next": f"{request.url.replace(query=query)}"}
        after = at
        found.append(_state(row))
    return {"peer_mentors": found, "next": None}


@router.get("/history")
async def history(portal: CurrentPortal, peer_mentor_id: str | None = None) -> dict[str, Any]:
    """Show every delivery in order, and per peer mentor the versions applied and the number refused."""
    deliveries = portal.store.deliveries(peer_mentor_id)
    mentors: dict[str, dict[str, Any]] = {}
    for one in deliveries:
        mentor = mentors.setdefault(one["peer_mentor_id"], {"applied": [], "refused": 0})
        if one["outcome"] == "applied":
            mentor["applied"].append(one["mentor_version"])
        else:
            mentor["refused"] += 1
    return {"peer_mentors": mentors, "deliveries": deliveries}


@router.get("/faults")
async def show_faults(portal: CurrentPortal) -> dict[str, Any]:
    """Show the rules, and how often each has fired."""
    return {"script": portal.faults.script.model_dump(exclude_defaults=True), "fired": portal.faults.fired}


@router.post("/faults")
async def use_faults(script: Script, portal: CurrentPortal) -> dict[str, Any]:
    """Use other rules, none for an empty script, and count from zero."""
    portal.faults.use(script)
    return await show_faults(portal)


@router.api_route("/login", methods=["GET", "POST"], response_class=HTMLResponse)
async def login() -> str:
    """Show the target of a redirect."""
    return LOGIN_PAGE


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Answer that the server runs."""
    return {"status": "ok"}


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _state(row: Row) -> Row:
    return {
        "peer_mentor_id": row[KEY],
        "external_id": row["hlf_externalid"],
        "mentor_version": row[VERSION],
        "mentor_epoch": row[EPOCH],
        "status": row["hlf_status"],
        "listed": None if row["hlf_listed"] is None else bool(row["hlf_listed"]),
        "listed_until": row["hlf_listeduntil"],
    }
