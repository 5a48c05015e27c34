"""One cluster: its data folder, the locks of those who use it, and the process that serves it.

Each process that uses the server holds a shared lock for as long as it lives. Who gets the exclusive one
knows that nobody uses the server, stops it, and keeps starters out meanwhile: the keeper, which waits for it
from the start, or a process that ends in order, so that the server has ended when the command has.
"""

import atexit
import logging
import os
import shutil
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mentorcert import logs
from mentorcert.db.embedded import causes, locks, postmaster
from mentorcert.db.embedded.account import Account, account
from mentorcert.db.embedded.postmaster import Postmaster
from mentorcert.db.embedded.sockets import PORT, socket_folder
from mentorcert.errors import EmbeddedPostgresError

_VERSION: Final = "18"
_KEEPER: Final = Path(__file__).with_name("keeper.py")
_INITDB: Final = (
    "--username=postgres",
    # Nobody else reaches the socket; were it ever to listen on a network, nobody would get in.
    "--auth-local=trust",
    "--auth-host=reject",
    "--encoding=UTF8",
    # The same order and lower case on every machine, whatever locales it has.
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
)
_SETTINGS: Final = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    # A statement may hold somebody's name.
    "log_min_error_statement": "panic",
}
_INITDB_S: Final = 120.0
# Recovery of a large database after a crash takes minutes.
_START_S: Final = 600.0
_STOP_S: Final = 60.0
_ENDING_S: Final = 15.0
_UNSEEN_S: Final = 30.0
_PAUSE_S: Final = 0.02
_WATCH_S: Final = 0.5
_LONGEST_BACKOFF_S: Final = 60.0

_starting: Final = threading.Lock()
_used: Final[dict[Path, int]] = {}
# A keeper outlives the process that starts it; the objects stay so that its end is noticed.
_keepers: Final[dict[Path, "subprocess.Popen[bytes]"]] = {}


def start(home: Path, binaries: Path) -> str:
    """Start or reuse the server of a home; return its connection string. Raises EmbeddedPostgresError."""
    cluster = _Cluster(home.resolve(), binaries)
    try:
        with _starting:
            return cluster.start()
    except OSError as error:
        raise causes.from_os_error(cluster.data, error) from error


def keep_running(home: Path, binaries: Path, stop: threading.Event) -> None:
    """Start the server again whenever it ends, until `stop` is set; every end and failure is logged."""
    cluster = _Cluster(home.resolve(), binaries)
    pause, started = 0.0, time.monotonic()
    while not stop.wait(_WATCH_S):
        if postmaster.running(cluster.data) is not None:
            if time.monotonic() - started > _LONGEST_BACKOFF_S:
                pause = 0.0
            continue
        logs.event("embedded_postgres_ended", level=logging.ERROR, folder=str(cluster.data), seconds=pause)
        if stop.wait(pause):
            break
        pause, started = min(max(2 * pause, 1.0), _LONGEST_BACKOFF_S), time.monotonic()
        try:
            start(home, binaries)
        except EmbeddedPostgresError as error:
            logs.event("embedded_postgres_failed", level=logging.ERROR, error=error)


@dataclass(frozen=True, slots=True)
class _Cluster:
    home: Path
    binaries: Path

    @property
    def data(self) -> Path:
        return self.home / "postgres"

    @property
    def log(self) -> Path:
        return self.home / "postgres.log"

    def lock(self, name: str) -> Path:
        """Return the file of a lock: `users`, `starting` or `keeper`."""
        return self.home / "postgres.locks" / name

    def start(self) -> str:
        """Start or reuse it, and count as one of its users until this process ends."""
        if not str(self.data).isprintable():
            raise EmbeddedPostgresError(
                "The path of the embedded PostgreSQL has a line break or another control character.",
                hint="Set MENTORCERT_HOME to a folder without.",
            )
        runs_as = account()
        self._require_own_data(runs_as)
        self.lock("").mkdir(parents=True, exist_ok=True, mode=0o700)
        users = None
        if self.home not in _used:
            # While the keeper stops the server, this waits.
            users = locks.open_lock(self.lock("users"))
        try:
            if users is not None:
                locks.wait_for(users, locks.SHARED, self.lock("users"))
            with locks.held(self.lock("starting")):
                server = self._started(runs_as)
        except BaseException:
            if users is not None:
                os.close(users)
            raise
        if users is not None:
            _used[self.home] = users
            atexit.register(self._leave)
        return server.url

    def _started(self, runs_as: Account) -> Postmaster:
        """Return the server once it takes connections: the one that a keeper keeps, or a new one."""
        begun = time.monotonic()
        seen = begun
        keeper: subprocess.Popen[bytes] | None = None
        while (now := time.monotonic()) - begun < _START_S:
            with locks.opened(self.lock("keeper")) as lock:
                if locks.take(lock, locks.EXCLUSIVE):
                    with suppress(KeyError, subprocess.TimeoutExpired):
                        _keepers[self.home].wait(_STOP_S)
                    self._require_transient(keeper, now - begun)
                    keeper = self._launch(runs_as, lock)
                    seen = time.monotonic()
                elif (server := postmaster.running(self.data)) is None:
                    self._require_seen(now - seen)
                elif server.is_ready:
                    if keeper is not None:
                        logs.event("embedded_postgres_ready", pid=server.process.pid, folder=str(self.data))
                    return server
                else:
                    seen = now
            time.sleep(_PAUSE_S)
        raise EmbeddedPostgresError(
            f"The embedded PostgreSQL in {self.data} does not take connections after {_START_S:.0f} seconds.",
            hint=f"Try again, recovery goes on where it was; {self.log} says how far it is.",
        )

    def _require_transient(self, ended: "subprocess.Popen[bytes] | None", seconds: float) -> None:
        """Raise why a server that this process started ended, unless it is worth another try."""
        if ended is not None:
            words = self.log.read_text(errors="replace")
            if not (causes.is_ending(words) and seconds < _ENDING_S):
                raise causes.failure(self.data, words, self.log)

    def _require_seen(self, seconds: float) -> None:
        """Raise where somebody keeps a server that this process does not see for as long."""
        if seconds > _UNSEEN_S:
            raise EmbeddedPostgresError(
                f"A server on {self.data} is kept by a process that is not visible here.",
                hint="Another container or machine has it: stop it there, or set MENTORCERT_HOME.",
            )

    def _launch(self, runs_as: Account, lock: int) -> "subprocess.Popen[bytes]":
        """Start a keeper, which inherits its lock, with the server; users of a kept server reconnect."""
        runs_as.require_path(self.data)
        runs_as.require_programs(self.binaries)
        if not (self.data / "PG_VERSION").exists():
            self._initialise(runs_as)
        # Its keeper was killed, and nobody else would stop it.
        postmaster.stop(self.data)
        postmaster.forget_stranger(self.data)
        folder = str(socket_folder(self.home, self.data, runs_as)).replace('"', '""')
        settings = {**_SETTINGS, "port": str(PORT), "unix_socket_directories": f'"{folder}"'}
        options = [f"--{name}={value}" for name, value in settings.items()]
        # `running` looks for the folder among the arguments.
        server = [str(self.binaries / "postgres"), "-D", str(self.data), *options]
        user = (str(runs_as.uid), str(runs_as.gid)) if runs_as.is_other else ("", "")
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".log.1"))
        with open(os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as log:  # noqa: PTH123
            _keepers[self.home] = subprocess.Popen(
                [sys.executable, "-I", "-S", _KEEPER, str(lock), self.lock("users"), *user, *server],
                pass_fds=[lock],
                cwd="/",
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                umask=0o077,
            )
        return _keepers[self.home]

    def _initialise(self, runs_as: Account) -> None:
        """Make the data folder, whole or not at all."""
        new = self.home / "postgres.new"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        runs_as.own(new)
        try:
            done = subprocess.run(
                [self.binaries / "initdb", "-D", new, *_INITDB],
                check=False,
                capture_output=True,
                text=True,
                errors="replace",
                cwd="/",
                env=_environment(),
                umask=0o077,
                timeout=_INITDB_S,
                **runs_as.for_popen(),
            )
        except subprocess.TimeoutExpired:
            raise causes.failure(self.data, f"initdb took more than {_INITDB_S:.0f} seconds") from None
        if done.returncode != 0:
            error = causes.failure(self.data, done.stderr)
            shutil.rmtree(new, ignore_errors=True)
            raise error
        new.rename(self.data)

    def _require_own_data(self, runs_as: Account) -> None:
        """Refuse data of another user, of another version, or of something else."""
        if not self.data.exists():
            return
        owner = self.data.stat().st_uid
        version = self.data / "PG_VERSION"
        if owner not in {runs_as.uid, os.geteuid()}:
            raise EmbeddedPostgresError(
                f"{self.data} belongs to user {owner}, and PostgreSQL would run as {runs_as.name}.",
                hint="Run the command as the user that made it, or set MENTORCERT_HOME to another folder.",
            )
        if not version.exists():
            if not self.data.is_dir() or any(self.data.iterdir()):
                raise EmbeddedPostgresError(
                    f"{self.data} is not a data folder of PostgreSQL, and not empty.",
                    hint="Move it away, or set MENTORCERT_HOME to another folder.",
                )
        elif (found := version.read_text().strip()) != _VERSION:
            raise EmbeddedPostgresError(
                f"{self.data} holds data of PostgreSQL {found}; this version of mentorcert runs {_VERSION}.",
                hint="Dump them with the version that made them, and load them here: docs/operations.md,"
                " Upgrade the embedded PostgreSQL.",
            )

    def _leave(self) -> None:
        """Stop the server if no other process uses it, so that it has ended when this one has."""
        # The home may be gone; and whatever goes wrong, the keeper does the same a moment later.
        with suppress(OSError, EmbeddedPostgresError), locks.held(self.lock("starting")):
            os.close(_used.pop(self.home))
            with locks.opened(self.lock("users")) as users:
                if not locks.take(users, locks.EXCLUSIVE):
                    # At once where others use it, or after its end where the keeper was faster.
                    locks.wait_for(users, locks.SHARED, self.lock("users"))
                else:
                    postmaster.stop(self.data)
        keeper = _keepers.get(self.home)
        if keeper is not None and keeper.poll() is None:
            # It outlives this process on purpose; Popen would warn of that.
            keeper.returncode = 0


def _environment() -> dict[str, str]:
    """Return the environment of the programs: no setting of another server, and words in English."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))}
    return {**inherited, "LC_ALL": "C"}
