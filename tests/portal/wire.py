"""A proxy between a worker and the portal that can lose, delay or leave unanswered a message."""

import re
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import BufferedIOBase
from typing import Final, Literal
from urllib.parse import urlsplit
from uuid import UUID

from tests.support.processes import Thread

Point = Literal["before", "sent", "applied"]
"""What happens to the message at which the wire strikes: it never arrives; it arrives when it is released;
it arrives, and its answer is lost."""

_HOST: Final = "127.0.0.1"
_SENDING: Final = (b"POST /webhook ", b"PATCH ")
_LENGTH: Final = re.compile(rb"^content-length: *(\d+)", re.IGNORECASE | re.MULTILINE)
_UUID: Final = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SUBJECT: Final = re.compile(rb'"subject": ?"mentor/([0-9a-f-]{36})"')


@dataclass
class Strike:
    """What is done to the worker at its next message; `happened` is set after that, with `mentor`."""

    point: Point
    do: Callable[[], None]
    happened: threading.Event = field(default_factory=threading.Event)
    mentor: UUID | None = None


@dataclass(frozen=True, slots=True)
class _Message:
    head: bytes
    body: bytes

    @property
    def is_state(self) -> bool:
        return self.head.startswith(_SENDING)

    @property
    def mentor(self) -> UUID:
        found = _SUBJECT.search(self.body)
        text = found[1] if found else _UUID.findall(self.head)[0]
        return UUID(text.decode())


class Wire(socketserver.ThreadingTCPServer):
    """Passes HTTP/1.1 on, one message after the other of each connection; `url` is the worker's end of it."""

    daemon_threads = True
    # A worker that is killed leaves connections behind.
    block_on_close = False

    def __init__(self, portal_url: str) -> None:
        super().__init__((_HOST, 0), _Connection)
        self.url = f"http://{_HOST}:{self.server_address[1]}"
        self.portal = (_HOST, urlsplit(portal_url).port)
        self.late: list[_Message] = []
        self._armed: Strike | None = None
        self._lock = threading.Lock()

    def strike(self, point: Point, do: Callable[[], None]) -> Strike:
        """Strike at the next message with a state."""
        strike = Strike(point, do)
        with self._lock:
            self._armed = strike
        return strike

    def struck_by(self, message: _Message) -> Strike | None:
        """Return the strike that the message meets, if any; none other will meet it."""
        with self._lock:
            if self._armed is None or not message.is_state:
                return None
            strike, self._armed = self._armed, None
        strike.mentor = message.mentor
        return strike

    def release(self) -> None:
        """Let what was sent arrive, and return when the portal has answered it."""
        late, self.late = self.late, []
        for message in late:
            with _connected(self.portal) as portal:
                portal.write(message.head + message.body)
                portal.flush()
                _answer(portal, lambda _part: None)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of connections that break: that is what a wire is for here."""


class _Connection(socketserver.StreamRequestHandler):
    server: Wire

    def handle(self) -> None:
        with _connected(self.server.portal) as portal:
            while message := _read(self.rfile):
                strike = self.server.struck_by(message)
                if not self._pass_on(message, strike, portal):
                    return

    def _pass_on(self, message: _Message, strike: Strike | None, portal: BufferedIOBase) -> bool:
        """Pass a message on and its answer back; return whether the connection goes on."""
        if strike and strike.point != "applied":
            strike.do()
            if strike.point == "sent":
                self.server.late.append(message)
            strike.happened.set()
            return False
        portal.write(message.head + message.body)
        portal.flush()
        if strike:
            _answer(portal, lambda _part: None)
            strike.do()
            strike.happened.set()
            return False
        return _answer(portal, self._back)

    def _back(self, part: bytes) -> None:
        self.wfile.write(part)


@contextmanager
def wires(portal_url: str, number: int) -> Iterator[list[Wire]]:
    """Yield wires to one portal."""
    laid = [Wire(portal_url) for _ in range(number)]
    threads = [Thread(target=wire.serve_forever, kwargs={"poll_interval": 0.05}) for wire in laid]
    for thread in threads:
        thread.start()
    try:
        yield laid
    finally:
        for wire in laid:
            wire.shutdown()
            wire.server_close()
        for thread in threads:
            thread.join()


@contextmanager
def _connected(to: tuple[str, int | None]) -> Iterator[BufferedIOBase]:
    with suppress(OSError), socket.create_connection(to) as connection, connection.makefile("rwb") as stream:
        yield stream


def _read(stream: BufferedIOBase) -> _Message | None:
    """Read one message, None at the end."""
    lines = []
    while (line := stream.readline()).strip():
        lines.append(line)
    if not line:
        return None
    head = b"".join([*lines, line])
    found = _LENGTH.search(head)
    return _Message(head, stream.read(int(found[1])) if found else b"")


def _answer(portal: BufferedIOBase, back: Callable[[bytes], None]) -> bool:
    """Read the portal's answer and pass it back, also half of one; return whether another may follow."""
    answer = _read(portal)
    if answer is None:
        return False
    back(answer.head + answer.body)
    found = _LENGTH.search(answer.head)
    is_whole = found is None or len(answer.body) == int(found[1])
    return is_whole and b"connection: close" not in answer.head.lower()
