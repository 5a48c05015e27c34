"""The image of the processes: built from Debian without an engine or a registry of images, then run as its user."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import httpx2
import psutil
import pytest

from mentorcert import loops
from tests.support import processes
from tests.support.generated_docs import ROOT
from tests.support.processes import DEADLINE_S, Child, run
from tests.support.servers import Server, free_port, on_embedded_18

CONTAINER: Final = ROOT / "deploy/container"
IMAGE: Final = "localhost/mentorcert"
BASE: Final = "localhost/mentorcert-base"
USER: Final = 10001
MOST_MB: Final = 600

_TOOLS: Final = ("buildah", "mmdebstrap")
_MISSING: Final = [tool for tool in _TOOLS if shutil.which(tool) is None and "CI" not in os.environ]
pytestmark = [
    pytest.mark.skipif(bool(_MISSING), reason=f"of Debian's packages is missing: {', '.join(_MISSING)}"),
    pytest.mark.skipif(
        os.getuid() != 0 and "CI" not in os.environ, reason="only root builds without an engine"
    ),
]


@dataclass(frozen=True, slots=True)
class Builder:
    """buildah with a storage of its own, and chroot in place of a container engine."""

    folder: Path

    def command(self, verb: str, *words: str | Path) -> list[str | Path]:
        storage = (
            "--root",
            self.folder / "root",
            "--runroot",
            self.folder / "run",
            "--storage-driver",
            "vfs",
        )
        isolated = ("--isolation", "chroot") if verb in {"bud", "run"} else ()
        return ["buildah", *storage, verb, *isolated, *words]

    def __call__(self, verb: str, *words: str | Path) -> str:
        return run(*self.command(verb, *words)).stdout.strip()

    @contextmanager
    def container(self) -> Iterator[str]:
        name = self("from", "--pull-never", IMAGE)
        try:
            yield name
        finally:
            self("rm", name)


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builder]:
    """With the image, built of a Debian that is made here, since no registry of images can be asked."""
    folder = tmp_path_factory.mktemp("image")
    base = folder / "base.tar"
    run("mmdebstrap", "--quiet", "--variant=minbase", "--include=ca-certificates", "bookworm", base)
    builder = Builder(folder)
    scratch = builder("from", "scratch")
    builder("add", "--quiet", scratch, base, "/")
    builder("commit", "--quiet", "--rm", scratch, BASE)
    builder(
        "bud", "--quiet", "--format", "docker", "--layers=false", "--build-arg", f"BASE={BASE}",
        # As the machine trusts: an organisation may inspect what is downloaded.
        "--volume", "/etc/ssl/certs:/etc/ssl/certs:ro", "--tag", IMAGE,
        "--ignorefile", CONTAINER / "Dockerfile.dockerignore",
        "--file", CONTAINER / "Dockerfile", ROOT,
    )  # fmt: skip
    yield builder
    shutil.rmtree(folder, ignore_errors=True)


def test_what_is_in_it(builder: Builder) -> None:
    """No build tools, nothing that gives rights, nothing that its user may write."""
    inspected: dict[str, Any] = json.loads(builder("inspect", "--type", "image", IMAGE))
    configured = inspected["Docker"]["config"]
    assert configured["User"] == f"{USER}:{USER}"
    assert configured["Healthcheck"]["Test"][:2] == ["CMD", "/opt/mentorcert/bin/python"]
    assert not [one for one in configured["Env"] if "SECRET" in one or "PASSWORD" in one or "DATABASE" in one]
    with builder.container() as container:
        root = Path(builder("mount", container))
        files = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
        names = {path.name for path in files if "bin" in path.parts}
        assert not names & {"gcc", "cc", "make", "pip", "pip3", "uv", "git", "curl"}
        assert not [path for path in files if path.stat().st_mode & 0o6000]
        assert not [path for path in files if path.stat().st_uid == USER or path.stat().st_mode & 0o002]
        assert sum(path.lstat().st_size for path in files) < MOST_MB * 1e6


@contextmanager
def running(builder: Builder, container: str, *words: str, secrets: Path, **settings: str) -> Iterator[Child]:
    """Start the image's command, as compose.yaml has it: its user, secrets as files."""
    variables = [word for name, value in settings.items() for word in ("--env", f"{name}={value}")]
    command = builder.command(
        "run", "--volume", f"{secrets}:/run/secrets:ro", *variables, container, "--", "mentorcert", *words
    )
    with processes.start(*command) as process:
        yield process


@contextmanager
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """Take traces by OTLP over HTTP; yields its address, and what came."""
    came: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

    with (
        HTTPServer(("127.0.0.1", 0), Handler) as server,
        loops.in_threads(lambda _: server.serve_forever(poll_interval=0.1)),
    ):
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1/traces", came
        finally:
            server.shutdown()


@on_embedded_18
def test_migrates_and_serves(builder: Builder, server: Server, tmp_path: Path) -> None:
    """By secrets that are files, as a user without rights; on SIGTERM it ends."""
    port, metrics = str(free_port()), str(free_port())
    with server.new_database() as url, builder.container() as container, collector() as (traces, came):
        name = url.partition("dbname=")[2].partition(" ")[0]
        owner = urlsplit(server.tcp_url(name))
        for secret, text in (
            ("owner_database_url", urlunsplit(owner)),
            ("web_database_url", urlunsplit(owner).replace("postgres:postgres@", "mentorcert_web:x@")),
            ("web_secret", "s" * 40),
        ):
            (tmp_path / secret).write_text(text)
            (tmp_path / secret).chmod(0o400)
            os.chown(tmp_path / secret, USER, USER)
        tmp_path.chmod(0o755)
        with running(
            builder,
            container,
            "migrate",
            DATABASE_URL_FILE="/run/secrets/owner_database_url",
            secrets=tmp_path,
        ) as migrating:
            _, errors = migrating.communicate()
            assert migrating.returncode == 0, errors
        with running(
            builder, container, "serve", "--port", port, "--metrics-port", metrics,
            DATABASE_URL_FILE="/run/secrets/web_database_url", MENTORCERT_WEB_SECRET_FILE="/run/secrets/web_secret",  # noqa: S106 - a path
            MENTORCERT_PUBLIC_URL="https://register.example.org", SUPABASE_URL="https://project.supabase.co", secrets=tmp_path,
            MENTORCERT_TRACES_URL=traces,
        ) as serving:  # fmt: skip
            assert "https://register.example.org" in serving.line()
            with httpx2.Client(timeout=DEADLINE_S) as client:
                assert client.get(f"http://127.0.0.1:{port}/readyz").json() == {"status": "ok", "errors": []}
                assert client.get(f"http://127.0.0.1:{port}/sign-in").status_code == httpx2.codes.OK
                assert "mentorcert_build_info" in client.get(f"http://127.0.0.1:{metrics}/metrics").text
            (inside,) = (
                one
                for one in psutil.Process(serving.pid).children(recursive=True)
                if one.name() == "mentorcert"
            )
            assert set(inside.uids()) == set(inside.gids()) == {USER}
            assert not [word for word in inside.cmdline() if "postgresql://" in word]
            inside.terminate()
            _, errors = serving.communicate()
            assert (serving.returncode, "secret_file_open" in errors) == (0, False), errors
        assert b"/sign-in" in b"".join(came), "a span, once the process ends at the latest"
