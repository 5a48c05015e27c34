"""Supabase Lite: an npm package that serves a database as PostgREST and Supabase Auth would."""

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any, Final

from mentorcert.errors import DataApiEndedError, MissingProgramError

VERSION: Final = "0.10.0"
_NODE: Final = 20
_INSTALL: Final = f"npm install --no-save @supabase/lite@{VERSION} postgres@3"
_SCRIPT: Final = Path(__file__).with_name("lite.mjs")
_CHECKOUT: Final = Path(__file__).resolve().parents[3]
_START_S: Final = 120.0
_STOP_S: Final = 10.0
_OTP_S: Final = 600


@dataclass(frozen=True, slots=True)
class Package:
    """Node.js, and the folder of the package."""

    node: str
    folder: Path


@dataclass(frozen=True, slots=True)
class AuthSchema:
    """The SQL of Lite's schema `auth`: its tables, and auth.uid(), auth.role(), auth.email() and auth.jwt()."""

    tables: str
    functions: str


@dataclass(frozen=True, slots=True)
class Keys:
    """The key that an app is given, and the secret that signs tokens."""

    publishable: str
    jwt_secret: str


def find() -> Package:
    """Return what Lite needs, from `node_modules` here or in a folder above; raises MissingProgramError."""
    node = shutil.which("node")
    if node is None:
        raise MissingProgramError(
            "The Data API for development runs on Node.js, which is not installed.",
            hint=f"Install Node.js {_NODE} or newer (https://nodejs.org); then run `{_INSTALL}`.",
        )
    version = _run(node, "--version").strip()
    if int(version.removeprefix("v").partition(".")[0]) < _NODE:
        raise MissingProgramError(
            f"The Data API for development needs Node.js {_NODE} or newer; {node} is {version}.",
            hint="Install a newer one: https://nodejs.org.",
        )
    here = Path.cwd()
    for above in (here, *here.parents, _CHECKOUT):
        modules = above / "node_modules"
        if (manifest := modules / "@supabase" / "lite" / "package.json").is_file():
            found = json.loads(manifest.read_text("utf-8"))["version"]
            if found != VERSION:
                raise MissingProgramError(
                    f"{manifest.parent} is version {found}; this version of mentorcert works with {VERSION}.",
                    hint=f"Run `{_INSTALL}`.",
                )
            if (modules / "postgres").is_dir():
                return Package(node, manifest.parent)
    raise MissingProgramError(
        "The Data API for development needs the npm packages @supabase/lite and postgres.",
        hint=f"Run `{_INSTALL}` in {here}, or in a folder above it.",
    )


@cache
def auth_schema(package: Package) -> AuthSchema:
    """Return the SQL of the schema that Lite keeps its logins and sessions in."""
    said: dict[str, str] = json.loads(_run(package.node, str(_SCRIPT), str(package.folder)))
    return AuthSchema(said["tables"], said["functions"])


def _run(*command: str) -> str:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=_START_S
    )
    if done.returncode != 0:
        raise MissingProgramError(
            f"{command[0]} does not work: {done.stderr.strip()[-300:]}", hint=f"Run `{_INSTALL}`."
        )
    return done.stdout


def config(
    keys: Keys, site_url: str, redirects: tuple[str, ...] = (), *, signup: bool = False
) -> dict[str, Any]:
    """Return the part of Supabase's config.toml that matters here; the subject of a mail is its code."""
    return {
        "api": {"schemas": ["public", "mentorcert"], "max_rows": 1000},
        "db": {"driver": "postgres", "migrations": {"enabled": False}},
        "auth": {
            "enabled": True,
            "site_url": site_url,
            "additional_redirect_urls": list(redirects),
            "jwt_secret": keys.jwt_secret,
            "jwt_expiry": 3600,
            "publishable_key": keys.publishable,
            "enable_signup": signup,
            "email": {
                "enable_signup": signup,
                "enable_confirmations": False,
                "otp_length": 6,
                "otp_expiry": _OTP_S,
                "template": {"magic_link": {"subject": "{{ .Token }}"}},
            },
        },
    }


@contextmanager
def running(
    package: Package,
    database: dict[str, Any],
    configured: dict[str, Any],
    address: dict[str, Any],
    *,
    log: Path,
    mailed: Callable[[str, str], None] = lambda _to, _subject: None,
    ended: Callable[[], None] = lambda: None,
) -> Iterator[None]:
    """Run Lite on a database until the block ends; `mailed` gets the address and subject of each mail.

    `database` has the options of the driver `postgres`, `address` those of Node.js's `server.listen`. Where Lite ends by
    itself, `ended` is called. Raises DataApiEndedError where it does not come up.
    """
    with ExitStack() as stack:
        errors = stack.enter_context(log.open("w", encoding="utf-8"))
        process = stack.enter_context(
            subprocess.Popen(
                [package.node, _SCRIPT, package.folder],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
                | {"NO_COLOR": "1"},
                # Ctrl-C is for the process that started it.
                start_new_session=True,
            )
        )
        said = _Listener(process, mailed, ended)
        # Before the pipes are closed and the process is waited for.
        stack.callback(said.stop)
        # Where it has ended already, its log says why.
        with suppress(OSError):
            said.send({"address": address, "database": database, "config": configured})
        if not (said.has_answered.wait(_START_S) and said.is_up):
            raise DataApiEndedError(f"Supabase Lite did not start: {log.read_text('utf-8').strip()[-500:]}")
        yield


class _Listener:
    """Reads what one process of Lite prints, in a thread, and ends it."""

    def __init__(
        self, process: "subprocess.Popen[str]", mailed: Callable[[str, str], None], ended: Callable[[], None]
    ) -> None:
        self._process = process
        self._mailed = mailed
        self._ended = ended
        self._is_stopping = False
        self.is_up = False
        self.has_answered = threading.Event()
        self._thread = threading.Thread(target=self._read, args=(self._pipe(process.stdout),), daemon=True)
        self._thread.start()

    @staticmethod
    def _pipe(pipe: IO[str] | None) -> IO[str]:
        if pipe is None:
            raise DataApiEndedError
        return pipe

    def send(self, what: dict[str, Any]) -> None:
        pipe = self._pipe(self._process.stdin)
        pipe.write(f"{json.dumps(what)}\n")
        pipe.flush()

    def stop(self) -> None:
        self._is_stopping = True
        with suppress(OSError):
            self._pipe(self._process.stdin).close()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._thread.join(_STOP_S)

    def _read(self, lines: IO[str]) -> None:
        for line in lines:
            said = json.loads(line)
            if "to" in said:
                self._mailed(said["to"], said["subject"])
                # It may be stopping.
                with suppress(OSError, ValueError):
                    self.send({})
            elif "address" in said:
                self.is_up = True
                self.has_answered.set()
        # Nobody needs to wait longer.
        self.has_answered.set()
        if self.is_up and not self._is_stopping:
            self._ended()
