"""An object behind GET and conditional PUT, as S3 and Azure Blob Storage have it; it misbehaves on demand."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from tests.support.processes import DEADLINE_S, Thread

TOKEN = "object-token"  # noqa: S105 - of the tests' own server


@dataclass
class ObjectStore:
    """What it holds, what it was asked, and how it misbehaves.

    `signed`: the address of each method has a signature of its own, and no token is asked for. `between` is called
    once after a GET was answered. `status` answers any request of its method.
    """

    url: str = ""
    content: bytes | None = None
    version: int = 0
    asked: list[str] = field(default_factory=list)
    signed: bool = False
    heeds_versions: bool = True
    stores: bool = True
    etag: str = '"{version}"'
    status: dict[str, int] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    endless: bool = False
    between: Callable[[], None] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)
    done: threading.Event = field(default_factory=threading.Event)

    def signed_url(self, method: str) -> str:
        """The address that is signed for a method."""
        return f"{self.url}?signature={method}-secret"

    def put(self, content: bytes) -> None:
        """Replace what it holds, as another writer does."""
        with self.lock:
            self.content, self.version = content, self.version + 1

    @property
    def lines(self) -> list[str]:
        """Its lines, without the mark."""
        return [line for line in (self.content or b"").decode().splitlines() if '"mark"' not in line]


class _Handler(BaseHTTPRequestHandler):
    store: ClassVar[ObjectStore]
    timeout = DEADLINE_S
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if not self._admits("GET"):
            return
        store = self.store
        with store.lock:
            content, etag = store.content, store.etag.format(version=store.version)
        if content is None:
            self._answer(404)
        elif store.endless:
            self._trickle()
        else:
            self._answer(200, content, {"ETag": etag, **store.headers})
        between, store.between = store.between, None
        if between:
            between()

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not self._admits("PUT"):
            return
        store = self.store
        with store.lock:
            if store.heeds_versions and not self._is_met():
                self._answer(412)
                return
            if store.stores:
                store.content, store.version = body, store.version + 1
        self._answer(200)

    def _is_met(self) -> bool:
        """Whether the conditions of the request are met by what is there."""
        wanted, none = self.headers.get("If-Match"), self.headers.get("If-None-Match")
        is_there = self.store.content is not None
        return (wanted is None or (is_there and wanted == f'"{self.store.version}"')) and not (
            none == "*" and is_there
        )

    def _admits(self, method: str) -> bool:
        store = self.store
        store.asked.append(method)
        signature = parse_qs(urlsplit(self.path).query).get("signature")
        is_right = (
            signature == [f"{method}-secret"]
            if store.signed
            else self.headers.get("Authorization") == f"Bearer {TOKEN}"
        )
        if not is_right or method in store.status:
            self._answer(store.status.get(method, 403))
            return False
        return True

    def _answer(self, status: int, content: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def _trickle(self) -> None:
        self.send_response(200)
        self.send_header("ETag", '"1"')
        self.send_header("Content-Length", "1000000000")
        self.end_headers()
        while not self.store.done.wait(0.02):
            self.wfile.write(b"x")

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of callers that have gone."""


@contextmanager
def serving() -> Iterator[ObjectStore]:
    """Serve an object over HTTP while the block runs."""
    store = ObjectStore()
    with _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"store": store})) as server:
        store.url = f"http://127.0.0.1:{server.server_port}/bucket/journal"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield store
        finally:
            store.done.set()
            server.shutdown()
            thread.join()
