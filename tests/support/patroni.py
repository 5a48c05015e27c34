"""Two servers of Debian's PostgreSQL under Patroni and etcd, with HAProxy before them, each host a group of processes."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import httpx2
import psutil
import pytest
from psycopg.conninfo import make_conninfo

from tests.support import processes
from tests.support.servers import DEBIAN_BINARIES, free_port, new_folder
from tests.support.sessions import wait_until

_PROGRAMS: Final = tuple(map(Path, ("/usr/bin/patroni", "/usr/bin/etcd", "/usr/sbin/haproxy")))
needs_patroni = pytest.mark.skipif(
    not all(program.exists() for program in (*_PROGRAMS, DEBIAN_BINARIES / "postgres")),
    reason="Debian's patroni, etcd-server, haproxy and postgresql-15 are not installed",
)

_ANSWER_S: Final = 5.0
# The leader's key lapses after `ttl` seconds; fsync is off, since no machine loses its memory here.
_PATRONI: Final = """
scope: registry
name: {name}
restapi: {{listen: "127.0.0.1:{rest}", connect_address: "127.0.0.1:{rest}"}}
etcd3: {{host: "127.0.0.1:{etcd}"}}
bootstrap:
  dcs:
    ttl: 20
    loop_wait: 2
    retry_timeout: 5
    synchronous_mode: true
    postgresql:
      use_pg_rewind: true
      parameters: {{fsync: "off", max_connections: 60, max_wal_senders: 5, wal_keep_size: 256MB}}
  initdb: [{{encoding: UTF8}}, {{locale: C.UTF-8}}, no-sync]
postgresql:
  listen: 127.0.0.1:{port}
  connect_address: 127.0.0.1:{port}
  data_dir: {folder}/{name}
  bin_dir: {binaries}
  pgpass: {folder}/{name}.pgpass
  parameters: {{unix_socket_directories: {folder}}}
  pg_hba: ["host all all 127.0.0.1/32 trust", "host replication all 127.0.0.1/32 trust", "local all all trust"]
  authentication:
    superuser: {{username: postgres}}
    replication: {{username: replicator}}
"""
_HAPROXY: Final = """
defaults
  mode tcp
  timeout connect 2s
  timeout client 10m
  timeout server 10m
  timeout check 2s
listen primary
  bind 127.0.0.1:{port}
  option httpchk GET /primary
  default-server inter 1s fall 2 rise 1 on-marked-down shutdown-sessions
{servers}
"""


@dataclass(frozen=True)
class Host:
    """A PostgreSQL and its Patroni."""

    name: str
    port: int
    rest: int
    data: Path
    start: Callable[[], processes.Child]
    patroni: list[processes.Child] = field(default_factory=list)

    def is_primary(self) -> bool:
        """Whether it takes changes."""
        return self._answers("primary")

    def is_synchronous(self) -> bool:
        """Whether each commit waits for it."""
        return self._answers("synchronous")

    def kill(self) -> None:
        """End all of it at once, as a host that loses its power."""
        self._signal(signal.SIGKILL)
        self.patroni[-1].wait()

    def start_again(self) -> None:
        """Start it again, with the data it had."""
        self.patroni.append(self.start())

    def freeze(self) -> None:
        """Have it answer nothing and close nothing, as a host that hangs."""
        self._signal(signal.SIGSTOP)

    def _answers(self, what: str) -> bool:
        with suppress(httpx2.HTTPError):
            answer = httpx2.get(f"http://127.0.0.1:{self.rest}/{what}", timeout=_ANSWER_S)
            return answer.status_code == httpx2.codes.OK
        return False

    def _signal(self, number: signal.Signals) -> None:
        file = self.data / "postmaster.pid"
        pids = [self.patroni[-1].pid, *([int(file.read_text().split()[0])] if file.exists() else [])]
        for pid in pids:
            with suppress(psutil.NoSuchProcess):
                parent = psutil.Process(pid)
                for process in [parent, *parent.children(recursive=True)]:
                    with suppress(psutil.NoSuchProcess):
                        process.send_signal(number)


@dataclass(frozen=True)
class Cluster:
    """Two hosts, and HAProxy, which leads to the primary."""

    hosts: tuple[Host, Host]
    proxy_port: int

    @property
    def proxied(self) -> str:
        """The connection string through HAProxy."""
        return make_conninfo(host="127.0.0.1", port=self.proxy_port, user="postgres", dbname="postgres")

    @property
    def direct(self) -> str:
        """The connection string that names both hosts, and wants the one that takes changes."""
        return make_conninfo(
            host="127.0.0.1,127.0.0.1", port=",".join(str(host.port) for host in self.hosts),
            user="postgres", dbname="postgres", target_session_attrs="read-write",
        )  # fmt: skip

    def primary(self) -> Host:
        """Return the host that takes changes."""
        return next(host for host in self.hosts if host.is_primary())

    def standby(self) -> Host:
        """Return the other one."""
        primary = self.primary()
        return next(host for host in self.hosts if host is not primary)


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Start it, wait until each commit waits for the standby, and end all of it."""
    account = "postgres" if os.geteuid() == 0 else None
    folder = new_folder("mentorcert-patroni-")
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        if account:
            shutil.chown(folder, account, account)

        def start(log: str, *command: str | Path) -> processes.Child:
            out = stack.enter_context((folder / f"{log}.log").open("a"))
            return stack.enter_context(
                processes.Child(
                    command, cwd=folder, stdout=out, stderr=out, user=account, group=account,
                    extra_groups=None if account is None else [],
                )
            )  # fmt: skip

        def host(name: str) -> Host:
            port, rest, file = free_port(), free_port(), folder / f"{name}.yml"
            facts = {"name": name, "port": port, "rest": rest, "etcd": etcd, "folder": folder}
            file.write_text(_PATRONI.format(**facts, binaries=DEBIAN_BINARIES))
            made = Host(name, port, rest, folder / name, partial(start, name, _PROGRAMS[0], file))
            made.start_again()
            stack.callback(made.kill)
            return made

        etcd, proxy = free_port(), free_port()
        _start_etcd(folder, etcd, start)
        hosts = host("one"), host("two")
        servers = "\n".join(
            f"  server {host.name} 127.0.0.1:{host.port} check port {host.rest}" for host in hosts
        )
        (folder / "haproxy.cfg").write_text(_HAPROXY.format(port=proxy, servers=servers))
        start("haproxy", _PROGRAMS[2], "-db", "-f", folder / "haproxy.cfg")
        made = Cluster(hosts, proxy)
        try:
            wait_until(lambda: any(host.is_primary() for host in hosts), "a primary")
            wait_until(lambda: any(host.is_synchronous() for host in hosts), "a synchronous standby")
        except AssertionError as error:
            error.add_note("\n".join(log.read_text()[-3000:] for log in folder.glob("*.log")))
            raise
        yield made


def _start_etcd(folder: Path, port: int, start: Callable[..., processes.Child]) -> None:
    clients, peers = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{free_port()}"
    start(
        "etcd", _PROGRAMS[1], "--data-dir", folder / "etcd", "--log-level", "error",
        "--listen-client-urls", clients, "--advertise-client-urls", clients,
        "--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", f"default={peers}",
    )  # fmt: skip
