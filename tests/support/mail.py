"""A real mail server that keeps what it takes, and refuses what a test wants refused."""

from asyncio import WriteTransport
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from typing import Final

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from mentorcert.notices.smtp import MailServer
from tests.support.servers import free_port

SENDER: Final = "register@example.org"
PAGES: Final = "https://register.example.org"

Interference = Callable[[SMTP], str | None]


def nothing(server: SMTP) -> str | None:
    """Let the mail pass."""
    return None


def hang_up(server: SMTP) -> str | None:
    """Break the connection, without a word."""
    assert isinstance(server.transport, WriteTransport)
    server.transport.abort()
    return "421 never read"


@dataclass
class Mailbox:
    """What the server took, in order; what a test puts in between may answer for it, or hang up."""

    port: int
    mails: list[tuple[str, EmailMessage]] = field(default_factory=list)
    senders: int = 0
    refused: set[str] = field(default_factory=set)
    on_sender: Interference = nothing
    before_data: Interference = nothing
    after_data: Interference = nothing

    @property
    def recipients(self) -> list[str]:
        """To whom the mails were addressed."""
        return [address for address, _ in self.mails]

    @property
    def server(self) -> MailServer:
        """How the server is reached."""
        return MailServer("127.0.0.1", self.port, SENDER, "none")

    @property
    def settings(self) -> dict[str, str]:
        """The variables by which the command line reaches it."""
        return {
            "MENTORCERT_SMTP_HOST": "127.0.0.1",
            "MENTORCERT_SMTP_PORT": str(self.port),
            "MENTORCERT_SMTP_TLS": "none",
            "MENTORCERT_SMTP_FROM": SENDER,
            "MENTORCERT_PUBLIC_URL": PAGES,
        }


def text_of(message: EmailMessage) -> str:
    """Return the plain part of a mail."""
    plain = message.get_body(("plain",))
    assert plain is not None
    text: str = plain.get_content()
    return text


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    """Run a mail server on a free port of loopback."""
    box = Mailbox(free_port())
    controller = Controller(_handler(box), hostname="127.0.0.1", port=box.port)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()


def _handler(box: Mailbox) -> object:
    async def on_sender(
        _: object, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        box.senders += 1
        answer = box.on_sender(server)
        if answer is None:
            envelope.mail_from = address
        return answer or "250 OK"

    async def on_recipient(
        _: object, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in box.refused:
            return "550 no such mailbox"
        answer = box.before_data(server)
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 OK"

    async def on_data(_: object, server: SMTP, session: Session, envelope: Envelope) -> str:
        answer = box.after_data(server)
        if answer is None:
            assert isinstance(envelope.content, bytes)
            message = BytesParser(EmailMessage, policy=default).parsebytes(envelope.content)
            box.mails.append((envelope.rcpt_tos[0], message))
        return answer or "250 OK"

    # The names are aiosmtpd's.
    hooks = {"handle_MAIL": on_sender, "handle_RCPT": on_recipient, "handle_DATA": on_data}
    return type("Handler", (), hooks)()
