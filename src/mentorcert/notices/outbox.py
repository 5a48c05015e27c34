"""What people ask for is sent at once: claimed, committed, sent one by one, and reported."""

import logging
import threading
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final
from uuid import UUID

from mentorcert import logs, loops
from mentorcert.db.connection import Connection
from mentorcert.errors import AuthAdminError, LoginRefusedError, MailServerError
from mentorcert.notices import ledger
from mentorcert.notices.rendering import Mail, write
from mentorcert.notices.smtp import (
    PERMANENT,
    DeliveryStatus,
    MailServer,
    SmtpClient,
    ascii_address,
    smtp_client,
)
from mentorcert.progress import Progress, silent

EVERY_S: Final = 15.0


@dataclass(slots=True)
class OutboxReport:
    """What a run did: the delivery status of mails, and why it ended early, if it did."""

    mails: Counter[DeliveryStatus] = field(default_factory=Counter)
    error: str | None = None

    @property
    def is_complete(self) -> bool:
        """Whether all mails were sent."""
        return self.error is None and self.mails.total() == self.mails["sent"]


@dataclass(slots=True)
class _Claimed:
    """The mails of a claim by what is reported of them."""

    released: set[UUID]
    sent: list[UUID] = field(default_factory=list)
    refused: list[UUID] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class OutboxSender(ABC):
    """Sends what is due of one kind; `public_url` is the base URL of the pages, without a trailing slash."""

    server: MailServer
    public_url: str

    one: ClassVar[str]
    """What the log calls a mail."""
    many: ClassVar[str]

    @abstractmethod
    def _claim(self, conn: Connection) -> Sequence[UUID]:
        """Claim what is due, a part of it; none where nothing is."""

    @abstractmethod
    def _contents(self, conn: Connection, claimed: Sequence[UUID]) -> Sequence[Mail]:
        """Return what to write; what must not be sent any more since the claim has no contents."""

    @abstractmethod
    def _is_refused_for_good(self, code: int) -> bool:
        """Return whether a mail that the server refused by this reply is not tried again."""

    def _prepare(self, address: str) -> None:  # noqa: B027 most mails need nothing
        """Do what must be done before a mail goes to an address; raises LoginRefusedError, AuthAdminError."""

    def run(
        self, conn: Connection, *, progress: Progress = silent, stop: threading.Event | None = None
    ) -> OutboxReport:
        """Send what is due; needs an autocommit connection. Any number of runs may work concurrently."""
        stop, report, done = stop or threading.Event(), OutboxReport(), 0
        try:
            while not stop.is_set() and (claimed := self._claim(conn)):
                progress(self.many, done, done + len(claimed))
                self._send(conn, claimed, report, stop)
                done += len(claimed)
                progress(self.many, done, done)
        except (AuthAdminError, MailServerError) as error:
            report.error = str(error)
        if report.mails or report.error:
            logs.event(
                f"{self.many}_sent",
                level=logging.INFO if report.is_complete else logging.ERROR,
                sent=report.mails["sent"],
                refused=report.mails["refused"],
                uncertain=report.mails["uncertain"],
                reason=report.error,
            )
        return report

    def run_forever(self, connect: Callable[[], Connection], stop: threading.Event) -> None:
        """Send what is due every EVERY_S seconds until `stop` is set; an error is logged and tried again."""

        def work() -> float:
            with connect() as conn:
                report = self.run(conn, stop=stop)
            return loops.LONGEST_WAIT_S if report.error else EVERY_S

        loops.run_forever(work, stop, failed=f"{self.many}_wait", retry_s=loops.LONGEST_WAIT_S)

    def _send(
        self, conn: Connection, claimed: Sequence[UUID], report: OutboxReport, stop: threading.Event
    ) -> None:
        mails = _Claimed(set(claimed))
        try:
            with smtp_client(self.server) as client:
                for mail in self._contents(conn, claimed):
                    if stop.is_set():
                        break
                    report.mails[self._deliver(mail, client, mails)] += 1
        finally:
            ledger.refuse(conn, mails.refused)
            ledger.report(conn, sent=mails.sent, released=list(mails.released))

    def _deliver(self, mail: Mail, client: SmtpClient, mails: _Claimed) -> DeliveryStatus:
        try:
            address = ascii_address(mail.address)
            message = write(mail, sender=self.server.sender, public_url=self.public_url)
            self._prepare(address)
        except (ValueError, LoginRefusedError) as error:
            logs.event(f"{self.one}_refused", level=logging.ERROR, error=error, mail_id=str(mail.mail_id))
            mails.released.discard(mail.mail_id)
            mails.refused.append(mail.mail_id)
            return "refused"
        # From here on the mail may have been sent, unless the server says otherwise.
        mails.released.discard(mail.mail_id)
        try:
            status, code = client.send(address, message)
        except MailServerError:
            mails.released.add(mail.mail_id)
            raise
        if status == "sent":
            mails.sent.append(mail.mail_id)
        elif status == "refused":
            logs.event(f"{self.one}_refused", level=logging.ERROR, mail_id=str(mail.mail_id), code=code)
            if self._is_refused_for_good(code):
                mails.refused.append(mail.mail_id)
            else:
                mails.released.add(mail.mail_id)
        else:
            logs.event(f"{self.one}_uncertain", level=logging.ERROR, mail_id=str(mail.mail_id))
        return status


class QueuedSender(OutboxSender):
    """Sends letters, reminders that somebody sends now, steps of requests and of courses, and follow-ups."""

    one = "queued_mail"
    many = "queued_mails"

    def _claim(self, conn: Connection) -> Sequence[UUID]:
        ledger.queue_course_reminders(conn)
        return ledger.claim_queued(conn)

    def _contents(self, conn: Connection, claimed: Sequence[UUID]) -> Sequence[Mail]:
        return [
            *ledger.letters(conn, claimed),
            *ledger.reminders(conn, claimed, ledger.now(conn)),
            *ledger.requests(conn, claimed),
            *ledger.courses(conn, claimed),
            *ledger.follow_ups(conn, claimed),
        ]

    def _is_refused_for_good(self, code: int) -> bool:
        # Many servers let an unknown sender come back later.
        return code // 100 == PERMANENT
