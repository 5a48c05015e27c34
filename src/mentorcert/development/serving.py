"""Sets up the registry of `mentorcert dev`, a database of its own, and serves it at one port of this machine."""

import json
import os
import secrets
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from mentorcert.db import embedded, migrate
from mentorcert.db.connection import connect
from mentorcert.development import auth_schema, codes, lite
from mentorcert.development.proxy import Proxy
from mentorcert.errors import DataApiEndedError, SettingError
from mentorcert.imports import examples
from mentorcert.operations import nightly
from mentorcert.organisations import sample_activity, sample_people
from mentorcert.organisations.sample_people import Person
from mentorcert.settings import Settings
from mentorcert.web import serving
from mentorcert.web.configuration import Auth

# As in supabase/config.toml and docs/flutter.md.
DEEP_LINK: Final = "org.example.mentors://login-callback"


@dataclass(frozen=True, slots=True)
class Started:
    """What an app is given, and who can sign in."""

    url: str
    publishable_key: str
    codes: str
    logins: list[Person]


def serve(
    environment: Settings,
    port: int | None,
    *,
    say: Callable[[str], None],
    mailed: Callable[[str, str], None],
    ready: Callable[[Started], None],
) -> None:
    """Serve until SIGINT, SIGTERM or SIGHUP, and leave nothing running.

    `say` is called with each step, `mailed` with the address and the code of each mail. Raises SettingError where another
    database is configured, MissingProgramError, EmbeddedPostgresError, DataApiEndedError.
    """
    _require_no_other_database(environment)
    package = lite.find()
    own = environment.model_copy(update={"home": environment.home / "development"})
    with serving.listen("127.0.0.1", port) as listener, ExitStack() as stack:
        say("starting PostgreSQL")
        database = embedded.start(own.home)
        _set_up(database, package, say)
        keys = _keys(own.home / "keys.json")
        configured = serving.configure(own, listener, is_embedded=True)
        url = configured.public_url
        configured = replace(
            configured,
            auth=Auth(None, url, keys.publishable, SecretStr(keys.jwt_secret)),
        )
        by_address: dict[str, str] = {}

        def remember(to: str, code: str) -> None:
            by_address[to] = code
            mailed(to, code)

        folder = Path(tempfile.mkdtemp(prefix="mentorcert-dev-"))
        stack.callback(shutil.rmtree, folder)
        has_ended = threading.Event()

        def end() -> None:
            has_ended.set()
            # Of the process: in a thread of its own, the signal would wake nobody.
            os.kill(os.getpid(), signal.SIGTERM)

        say("starting Supabase Lite")
        log = own.home / "lite.log"
        stack.enter_context(
            lite.running(
                package,
                _options(database),
                lite.config(keys, url, (f"{url}/sign-in/link**", DEEP_LINK)),
                {"path": str(folder / "lite")},
                log=log,
                mailed=remember,
                ended=end,
            )
        )

        def in_front(pages: FastAPI) -> Proxy:
            pages.include_router(codes.router(by_address))
            return Proxy(pages, folder / "lite")

        serving.serve(
            own,
            configured,
            listener,
            lambda url, people: ready(Started(url, keys.publishable, f"{url}{codes.PATH}", people)),
            in_front=in_front,
        )
        if has_ended.is_set():
            raise DataApiEndedError(hint=f"{log} says why.")


def _require_no_other_database(environment: Settings) -> None:
    for name, value in (
        ("DATABASE_URL", environment.database_url),
        ("SUPABASE_URL", environment.supabase_url),
    ):
        if value is not None:
            raise SettingError(
                f"{name} is set; here everybody at this machine signs in as anybody, so it takes no database but its own.",
                hint=f"Run it as `env -u {name} mentorcert dev`.",
            )


def _set_up(database: str, package: lite.Package, say: Callable[[str], None]) -> None:
    with connect(database, autocommit=True) as conn:
        # Before our migrations, which lay what Supabase has where it is missing.
        auth_schema.lay(conn, lite.auth_schema(package))
        say("applying the migrations")
        for _ in migrate.migrate(conn, migrate.read()):
            pass
        migrate.harden(conn)
        auth_schema.let_in(conn)
        for example in examples.every():
            say(f"example {example.folder.name}: {example.set_up(conn)}")
        nightly.run(conn)
        sample_people.ensure(conn)
        sample_activity.ensure(conn)


def _options(database: str) -> dict[str, Any]:
    of = conninfo_to_dict(database)
    return {"host": of["host"], "port": int(of.get("port") or 5432), "database": of["dbname"], "user": "lite"}


def _keys(file: Path) -> lite.Keys:
    """Return the keys of this home, the same at each start, so that apps go on as they are."""
    if file.exists():
        return lite.Keys(**json.loads(file.read_text("utf-8")))
    keys = lite.Keys(f"sb_publishable_{secrets.token_urlsafe(24)}", secrets.token_urlsafe(48))
    file.touch(0o600)
    file.write_text(json.dumps(asdict(keys)), "utf-8")
    return keys
