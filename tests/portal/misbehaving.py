"""Portals that misbehave at their sockets, as the staging portal does not: slow, cut off, with wrong certificates."""

import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.processes import DEADLINE_S, Thread


@contextmanager
def serving(serve: Callable[[socket.socket, threading.Event], None]) -> Iterator[int]:
    """Have a function serve each connection, in a thread; yields the port, and sets the event at the end."""
    done = threading.Event()
    threads: list[Thread] = []

    def accept() -> None:
        while not done.is_set():
            with suppress(TimeoutError):
                connection, _ = listener.accept()
                connection.settimeout(DEADLINE_S)
                threads.append(Thread(target=serve_one, args=(connection,)))
                threads[-1].start()

    def serve_one(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            serve(connection, done)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        accepting = Thread(target=accept)
        accepting.start()
        try:
            yield listener.getsockname()[1]
        finally:
            done.set()
            accepting.join()
            for one in threads:
                one.join()


def trickle(connection: socket.socket, done: threading.Event) -> None:
    """Send one byte of a head at a time, without end."""
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nx-slow: ")
    while not done.wait(0.1):
        connection.sendall(b"x")


def stall(connection: socket.socket, done: threading.Event) -> None:
    """Take the connection, and say nothing."""
    del connection
    done.wait(DEADLINE_S)


def tls(context: ssl.SSLContext) -> Callable[[socket.socket, threading.Event], None]:
    """Agree on TLS, and hang up."""

    def serve(connection: socket.socket, _done: threading.Event) -> None:
        with context.wrap_socket(connection, server_side=True) as agreed:
            agreed.recv(65_536)

    return serve


def certificate(folder: Path, *, ended: bool = False, host: str = "127.0.0.1") -> ssl.SSLContext:
    """Return a server's context with a certificate that signs itself; it lies in `folder` as server.pem."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=9))
        .not_valid_after(now + timedelta(days=-1 if ended else 1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "server.pem").write_bytes(made.public_bytes(pem))
    (folder / "key.pem").write_bytes(private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "key.pem")
    return context
