"""A run of the notices: mails are claimed, committed, sent one by one, and reported."""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from time import monotonic
from typing import Any, Final
from uuid import UUID

from mentorcert import logs, loops
from mentorcert.db.connection import Connection
from mentorcert.errors import MailServerError
from mentorcert.notices import ledger
from mentorcert.notices.ledger import REACH_DAYS, Digest, Outcome, Reminder
from mentorcert.notices.rendering import write
from mentorcert.notices.smtp import (
    PERMANENT,
    DeliveryStatus,
    MailServer,
    SmtpClient,
    ascii_address,
    smtp_client,
)
from mentorcert.progress import Progress, silent

BATCH: Final = 100


@dataclass(slots=True)
class Report:
    """What a run did: the delivery status of mails, and the outcomes of notices without a mail."""

    reminders: Counter[DeliveryStatus] = field(default_factory=Counter)
    digests: Counter[DeliveryStatus] = field(default_factory=Counter)
    unsent: Counter[Outcome] = field(default_factory=Counter)
    left: int = 0
    """Peer mentors locked by another session, or with nothing due any more."""
    error: str | None = None

    def counts(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "reminders": dict(self.reminders),
            "digests": dict(self.digests),
            "untold": dict(self.unsent),
            "left": self.left,
            "error": self.error,
        }

    @property
    def is_complete(self) -> bool:
        """Whether all mails were sent."""
        failed = sum(
            sent[status] for sent in (self.reminders, self.digests) for status in sent if status != "sent"
        )
        return self.error is None and not failed


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends what is due; `public_url` is the base URL of the pages, without a trailing slash."""

    server: MailServer
    public_url: str

    def run(
        self,
        conn: Connection,
        *,
        as_of: datetime | None = None,
        reach_days: int = REACH_DAYS,
        only_due: bool = False,
        progress: Progress = silent,
        stop: threading.Event | None = None,
    ) -> Report:
        """Send what is due, of all organisations or only of those where it is morning.

        Needs an autocommit connection; any number of runs may work concurrently. If the mail server is
        unreachable or refuses the sender, `error` says so, and the day stays open, as after a stop.
        """
        started, stop = monotonic(), stop or threading.Event()
        at = as_of or ledger.now(conn)
        organisations = ledger.start(conn, at, reach_days=reach_days, only_due=only_due)
        due = [one for one in ledger.due(conn, at, reach_days) if one.organisation_id in organisations]
        mentors = list(dict.fromkeys(one.peer_mentor_id for one in due if one.outcome == "mail"))
        digests = [one for one in ledger.due_digests(conn, at) if one.organisation_id in organisations]
        recipients = list(dict.fromkeys(one.user_id for one in digests))
        report = Report(unsent=Counter(one.outcome for one in due if one.outcome != "mail"))
        report.unsent["skipped"] += sum(organisations.values())
        try:
            for batch in _batches(mentors, "reminders", progress, stop):
                claimed = ledger.claim(conn, batch, at, reach_days)
                report.left += len(batch) - len(claimed)
                self._send(conn, claimed, ledger.reminders(conn, claimed, at), report.reminders, stop)
            for batch in _batches(recipients, "digests", progress, stop):
                claimed = ledger.claim_digests(conn, list(organisations), batch, at)
                self._send(conn, claimed, ledger.digests(conn, claimed, at), report.digests, stop)
        except MailServerError as error:
            report.error = str(error)
        if not stop.is_set():
            ledger.finish(conn, list(organisations), at, report.error)
        logs.event(
            "notices_sent",
            level=logging.INFO if report.is_complete else logging.ERROR,
            reminders=report.reminders["sent"],
            digests=report.digests["sent"],
            refused=report.reminders["refused"] + report.digests["refused"],
            uncertain=report.reminders["uncertain"] + report.digests["uncertain"],
            no_address=report.unsent["no_address"],
            suspended=report.unsent["suspended"],
            paused=report.unsent["paused"],
            skipped=report.unsent["skipped"],
            left=report.left,
            reason=report.error,
            seconds=round(monotonic() - started, 3),
        )
        return report

    def run_forever(self, connect: Callable[[], Connection], stop: threading.Event) -> None:
        """Send each morning's notices when the ledger says that they are due, until `stop` is set.

        A run that fails, or a database that is away, is logged and tried again.
        """
        loops.run_when_due(
            connect,
            stop,
            next_run=ledger.next_run,
            run=partial(self.run, only_due=True, stop=stop),
            failed="notices_wait",
            # The mail server was away.
            still_due_s=loops.LONGEST_WAIT_S,
        )

    def _send(
        self,
        conn: Connection,
        claimed: Sequence[UUID],
        mails: Sequence[Reminder | Digest],
        statuses: Counter[DeliveryStatus],
        stop: threading.Event,
    ) -> None:
        sent: list[UUID] = []
        refused: list[UUID] = []
        # What is not due any more since the claim has no contents.
        released = set(claimed)
        try:
            with smtp_client(self.server) as client:
                for mail in mails:
                    if stop.is_set():
                        break
                    status = self._deliver(mail, client, released, refused)
                    statuses[status] += 1
                    if status == "sent":
                        sent.append(mail.mail_id)
        finally:
            ledger.refuse(conn, refused)
            ledger.report(conn, sent=sent, released=list(released))

    def _deliver(
        self, mail: Reminder | Digest, client: SmtpClient, released: set[UUID], refused: list[UUID]
    ) -> DeliveryStatus:
        try:
            address = ascii_address(mail.address)
            message = write(mail, sender=self.server.sender, public_url=self.public_url)
        except ValueError as error:
            # One mail that cannot be rendered must not block the others.
            logs.event("notice_refused", level=logging.ERROR, error=error, mail_id=str(mail.mail_id))
            return "refused"
        # From here on the mail may have been sent, unless the server says otherwise.
        released.discard(mail.mail_id)
        try:
            status, code = client.send(address, message)
        except MailServerError:
            released.add(mail.mail_id)
            raise
        if status == "refused":
            (refused.append if code // 100 == PERMANENT else released.add)(mail.mail_id)
            logs.event("notice_refused", level=logging.ERROR, mail_id=str(mail.mail_id), code=code)
        elif status == "uncertain":
            logs.event("notice_uncertain", level=logging.ERROR, mail_id=str(mail.mail_id))
        return status


def _batches(
    ids: Sequence[UUID], step: str, progress: Progress, stop: threading.Event
) -> Iterator[Sequence[UUID]]:
    for start in range(0, len(ids), BATCH):
        if stop.is_set():
            return
        progress(step, start, len(ids))
        yield ids[start : start + BATCH]
        progress(step, min(start + BATCH, len(ids)), len(ids))
