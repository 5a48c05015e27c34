"""What the app of examples/flutter_app asks, and what the Data API answers; `python -m tests.supabase.exchanges` writes it again.

The requests are those that Supabase's Dart client makes of the calls in lib/registry.dart. Ids, tokens and the instants of the
recording are replaced by stable ones; the days are in the past, and the same in every recording.
"""

import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_URL, UUID, uuid5

import httpx2
import jwt

from mentorcert.db.connection import Connection, connect
from tests.supabase import lite
from tests.support.generated_docs import ROOT
from tests.support.processes import DEADLINE_S
from tests.support.registry import Organisation, join, set_up
from tests.support.servers import Server, embedded_18

Json = dict[str, Any]

APP: Final = ROOT / "examples" / "flutter_app"
FOLDER: Final = APP / "test" / "exchanges"
PEOPLE: Final = ("mentor", "coordinator", "stranger")
# When somebody renews whose certification ended before.
DAY: Final = "2026-02-02"

_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_JWT: Final = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d(?::\d\d)?)")
_RECORDED_AT: Final = "2026-06-01T12:00:00+00:00"
_CODE: Final = "123456"
_NEVER: Final = 4_102_444_800  # 2100
_COLUMNS: Final = "id,certification_type,last_valid_day,current_status"


@dataclass
class Recorder:
    """Asks, and keeps what was asked and answered."""

    lite: lite.Lite
    began: datetime
    names: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    recorded: dict[str, Json] = field(default_factory=dict)

    def ask(
        self,
        name: str,
        path: str,
        *,
        by: str | None = None,
        query: dict[str, str] | None = None,
        body: Any = None,
        schema: str | None = None,
        method: str | None = None,
    ) -> Any:
        """Ask once, keep it under a name, and return the body of the answer as it came."""
        method = method or ("GET" if body is None else "POST")
        profile = "accept-profile" if method == "GET" else "content-profile"
        headers = {profile: schema} if schema else {}
        if by:
            headers["authorization"] = f"Bearer {self.tokens[by]}"
        answer = httpx2.request(
            method,
            f"{self.lite.url}{path}",
            params=query or {},
            json=body,
            headers={"apikey": lite.PUBLISHABLE_KEY, **headers},
            timeout=DEADLINE_S,
        )
        answered = answer.json() if answer.content else None
        request = {"method": method, "path": path, "query": query or {}, "headers": headers, "body": body}
        response = {"status": answer.status_code, "body": answered}
        self.recorded[name] = self._stable(name, {"request": request, "response": response})
        return answered

    def sign_in(self, person: str) -> UUID:
        """Sign a person in by the code that was mailed; return the id of the login."""
        email = f"{person}@example.org"
        path, query = "/auth/v1/otp", {"redirect_to": "org.example.mentors://login-callback"}
        self.ask("send_code", path, query=query, body={"email": email, "create_user": False})
        code = self.lite.codes[email]
        self.names[code] = _CODE
        given = {"email": email, "token": code, "type": "email"}
        session = self.ask(f"enter_code_{person}", "/auth/v1/verify", body=given)
        self.tokens[person] = session["access_token"]
        return UUID(session["user"]["id"])

    def _stable(self, name: str, exchange: Json) -> Json:
        text = json.dumps(exchange, ensure_ascii=False)
        text = _JWT.sub(lambda found: _stable_token(found[0], self.names), text)
        for of, given in self.names.items():
            text = text.replace(of, given)
        stable_ids = set(self.names.values())
        unknown: dict[str, str] = {}

        def identified(found: re.Match[str]) -> str:
            id_ = found[0]
            if id_ in stable_ids:
                return id_
            return unknown.setdefault(id_, stable_id(f"{name} {len(unknown)}"))

        text = _UUID.sub(identified, text)
        text = _INSTANT.sub(self._timed, text)
        stable: Json = json.loads(text)
        body = stable["response"]["body"]
        if isinstance(body, dict) and "expires_at" in body and "access_token" in body:
            body["expires_at"] = _NEVER
        return stable

    def _timed(self, found: re.Match[str]) -> str:
        text = found[0].replace(" ", "T")
        at = datetime.fromisoformat(text + ":00" if re.search(r"[+-]\d\d$", text) else text)
        return _RECORDED_AT if self.began <= at <= datetime.now(UTC) else found[0]


def stable_id(name: str) -> str:
    """Return the id that stands for what has a name."""
    return str(uuid5(NAMESPACE_URL, name))


def _stable_token(token: str, names: dict[str, str]) -> str:
    """Return a token of the same login that never expires, and that opens nothing: its signature is none."""
    claims = jwt.decode(token, options={"verify_signature": False})
    subject = names.get(claims["sub"], claims["sub"])
    made = jwt.encode(
        {"sub": subject, "role": "authenticated", "aud": "authenticated", "exp": _NEVER},
        "recorded, and not a secret of anything",
        "HS256",
    )
    return f"{made.rpartition('.')[0]}.recorded"


def record(server: Server, folder: Path) -> dict[str, Json]:
    """Return every exchange, by name, from a registry of its own."""
    with (
        lite.new_database(server) as url,
        lite.serving(server, url, folder) as running,
        connect(url, autocommit=True) as conn,
    ):
        recorder = Recorder(running, datetime.now(UTC))
        logins = {person: running.sign_up(f"{person}@example.org").user_id for person in PEOPLE}
        for person, login in logins.items():
            recorder.names[str(login)] = stable_id(person)
        certifications = _settle(conn, recorder, logins)
        for person in PEOPLE:
            recorder.sign_in(person)
        _record_sign_in(recorder)
        _record_reading(recorder, certifications)
        _record_renewing(recorder, conn, certifications)
        recorder.ask("sign_out", "/auth/v1/logout", by="mentor", query={"scope": "local"}, method="POST")
        return recorder.recorded


def _settle(conn: Connection, recorder: Recorder, logins: dict[str, UUID]) -> dict[str, str]:
    """Let the coordinator reach kari, who has a login, and per, in one chapter; and not nils, elsewhere."""
    north, south = set_up(conn, "north"), set_up(conn, "south")
    certifications = {}
    for organisation, name, last_day in (
        (north, "kari", date(2098, 3, 1)),
        (north, "per", date(2025, 12, 31)),
        (north, "liv", date(2098, 5, 31)),
        (south, "nils", date(2098, 3, 1)),
    ):
        mentor = organisation.mentor(name)
        conn.execute(
            "update mentorcert.peer_mentors set full_name = %s, user_id = %s where id = %s",
            (name, logins["mentor"] if name == "kari" else None, mentor),
        )
        recorder.names[str(mentor)] = stable_id(name)
        certifications[name] = _certify(recorder, organisation, mentor, name, last_day=last_day)
    _certify(
        recorder,
        north,
        _mentor_of(conn, certifications["kari"]),
        "kari's pledge",
        last_day=None,
        kind="pledge",
    )
    join(north, logins["mentor"], "peer_mentor")
    join(north, logins["coordinator"], "coordinator", north.chapter)
    for of in (north, south):
        recorder.names |= {str(of.id): stable_id(of.slug), str(of.chapter): stable_id(f"{of.slug} chapter")}
    return certifications


def _mentor_of(conn: Connection, certification: str) -> UUID:
    found = conn.execute(
        "select peer_mentor_id from public.peer_mentor_certifications where id = %s", [certification]
    ).fetchone()
    assert found is not None
    return UUID(str(found[0]))


def _certify(
    recorder: Recorder,
    organisation: Organisation,
    mentor: UUID,
    name: str,
    *,
    last_day: date | None,
    kind: str = "basic",
) -> str:
    certification = str(organisation.certify(mentor, kind, last_day=last_day))
    recorder.names[certification] = stable_id(f"certification of {name}")
    return certification


def _record_sign_in(recorder: Recorder) -> None:
    wrong = {"email": "mentor@example.org", "token": "000000", "type": "email"}
    recorder.ask("enter_code_wrong", "/auth/v1/verify", body=wrong)
    query = {"redirect_to": "org.example.mentors://login-callback"}
    unknown = {"email": "nobody@example.org", "create_user": False}
    recorder.ask("send_code_unknown", "/auth/v1/otp", query=query, body=unknown)
    for person in ("stranger", "mentor"):
        recorder.ask(f"organisation_{person}", "/rest/v1/rpc/get_user_organisation_id", by=person, body={})


def _record_reading(recorder: Recorder, certifications: dict[str, str]) -> None:
    ids = {stable: real for real, stable in recorder.names.items()}
    for person in ("mentor", "coordinator"):
        recorder.ask(
            f"may_renew_{person}",
            "/rest/v1/memberships",
            by=person,
            schema="mentorcert",
            query={
                "select": "role",
                "user_id": f"eq.{ids[stable_id(person)]}",
                "role": "neq.peer_mentor",
                "ended_at": "is.null",
            },
        )
        last = _page(recorder, f"certifications_page_{person}", person, None)[-1]
        if person == "coordinator":
            _page(recorder, f"certifications_page_{person}_next", person, last)
    recorder.ask(
        "own_certifications_mentor",
        "/rest/v1/peer_mentor_certifications",
        by="mentor",
        schema="mentorcert",
        query={
            "select": f"{_COLUMNS},peer_mentors!inner(full_name)",
            "peer_mentors.user_id": f"eq.{ids[stable_id('mentor')]}",
            "order": "expires_at.asc.nullslast,id.asc.nullslast",
        },
    )
    recorder.ask(
        "types_mentor",
        "/rest/v1/certification_types",
        by="mentor",
        schema="mentorcert",
        query={"select": "code,name_nb,name_en", "order": "code.asc.nullslast"},
    )
    kari = certifications["kari"]
    _history(recorder, "history_mentor", "mentor", kari)
    recorder.ask("check_certificate", "/rest/v1/rpc/check_certificate", by="mentor", body={"code": kari})


def _page(recorder: Recorder, name: str, person: str, after: Json | None) -> list[Json]:
    body = {
        "after_expires_at": after and after["expires_at"],
        "after_id": after and after["id"],
        "status": "active",
        "page_size": 50,
    }
    path, query = (
        "/rest/v1/rpc/certifications_page",
        {"select": f"{_COLUMNS},expires_at,peer_mentors(full_name)"},
    )
    rows: list[Json] = recorder.ask(name, path, by=person, schema="mentorcert", query=query, body=body)
    return rows


def _history(recorder: Recorder, name: str, person: str, certification: str) -> None:
    path = "/rest/v1/rpc/certification_history"
    recorder.ask(name, path, by=person, body={"certification_id": certification})


def _record_renewing(recorder: Recorder, conn: Connection, certifications: dict[str, str]) -> None:
    def renew(name: str, person: str, whose: str) -> None:
        body = {
            "certification_id": certifications[whose],
            "renewed_on": DAY,
            "evidence": {"seen": "Diploma", "seen_on": DAY},
        }
        recorder.ask(name, "/rest/v1/rpc/renew_certification", by=person, body=body)

    renew("renew_coordinator", "coordinator", "per")
    renew("renew_coordinator_again", "coordinator", "per")
    _history(recorder, "history_coordinator_renewed", "coordinator", certifications["per"])
    renew("renew_coordinator_foreign", "coordinator", "nils")
    renew("renew_mentor", "mentor", "kari")
    with _closed(conn):
        renew("renew_coordinator_closed", "coordinator", "per")
    conn.execute(
        "delete from auth.sessions where user_id = (select id from auth.users where email like 'coordinator@%')"
    )
    renew("renew_coordinator_signed_out", "coordinator", "per")


@contextmanager
def _closed(conn: Connection) -> Iterator[None]:
    conn.execute(
        "insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('certifications', 'Test')"
    )
    try:
        yield
    finally:
        conn.execute("delete from mentorcert_private.disabled_endpoints")


def written(exchange: Json) -> str:
    """Return the text of a file."""
    return f"{json.dumps(exchange, ensure_ascii=False, indent=2)}\n"


def main() -> None:
    """Write every file again."""
    with (
        embedded_18() as server,
        server.migrated_template(),  # brings the roles
        tempfile.TemporaryDirectory() as folder,
    ):
        recorded = record(server, Path(folder))
    FOLDER.mkdir(exist_ok=True)
    for file in FOLDER.glob("*.json"):
        file.unlink()
    for name, exchange in recorded.items():
        (FOLDER / f"{name}.json").write_text(written(exchange), "utf-8")


if __name__ == "__main__":
    main()
