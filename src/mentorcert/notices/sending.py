"""A run of the notices: mails are claimed, committed, handed to the mail server one by one, and reported."""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import Any, Final
from uuid import UUID

import psycopg

from mentorcert import logs
from mentorcert.db.connection import Connection
from mentorcert.errors import MailServerError, MentorcertError
from mentorcert.notices import ledger
from mentorcert.notices.ledger import REACH_DAYS, Digest, Outcome, Reminder
from mentorcert.notices.rendering import write
from mentorcert.notices.smtp import DeliveryStatus, MailServer, SmtpClient, post
from mentorcert.progress import Progress, silent

BATCH: Final = 100
LONGEST_WAIT_S: Final = 300.0


@dataclass(slots=True)
class Report:
    """What a run did: the fates of mails, the outcomes of notices that made no mail."""

    reminders: Counter[DeliveryStatus] = field(default_factory=Counter)
    digests: Counter[DeliveryStatus] = field(default_factory=Counter)
    untold: Counter[Outcome] = field(default_factory=Counter)
    left: int = 0
    """Peer mentors whom another session held, or to whom nothing was due any more when it came to it."""
    error: str | None = None

    def counts(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "reminders": dict(self.reminders),
            "digests": dict(self.digests),
            "untold": dict(self.untold),
            "left": self.left,
            "error": self.error,
        }

    @property
    def is_complete(self) -> bool:
        """Whether everything that was to go out went out."""
        failed = sum(sent[fate] for sent in (self.reminders, self.digests) for fate in sent if fate != "sent")
        return self.error is None and not failed


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends what is due; `public_url` is where the pages are, without a slash at its end."""

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
        """Send what is due, of all organisations or of those whose morning has come.

        Needs an autocommit connection; any number of runs may go on at once. A mail server that is away, or
        takes nothing, stands in `error`, and the day stays open; so it does after a stop.
        """
        started, stop = monotonic(), stop or threading.Event()
        at = as_of or ledger.now(conn)
        organisations = ledger.start(conn, at, reach_days=reach_days, only_due=only_due)
        due = [one for one in ledger.due(conn, at, reach_days) if one.organisation_id in organisations]
        mentors = list(dict.fromkeys(one.peer_mentor_id for one in due if one.outcome == "mail"))
        digests = [one for one in ledger.due_digests(conn, at) if one.organisation_id in organisations]
        recipients = list(dict.fromkeys(one.user_id for one in digests))
        report = Report(untold=Counter(one.outcome for one in due if one.outcome != "mail"))
        report.untold["skipped"] += sum(organisations.values())
        try:
            for batch in _batches(mentors, "reminders", progress, stop):
                reminders = ledger.claim(conn, batch, at, reach_days)
                report.left += len(batch) - len(reminders)
                self._send(conn, reminders, report.reminders, stop)
            for batch in _batches(recipients, "digests", progress, stop):
                mails = ledger.claim_digests(conn, list(organisations), batch, at)
                self._send(conn, mails, report.digests, stop)
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
            no_address=report.untold["no_address"],
            suspended=report.untold["suspended"],
            skipped=report.untold["skipped"],
            left=report.left,
            reason=report.error,
            seconds=round(monotonic() - started, 3),
        )
        return report

    def keep_watch(self, connect: Callable[[], Connection], stop: threading.Event) -> None:
        """Send each morning's notices when the ledger says that they are due, until told to stop.

        A run that fails, or a database that is away, is tried again within LONGEST_WAIT_S.
        """
        while not stop.is_set():
            wait_s = LONGEST_WAIT_S
            try:
                with connect() as conn:
                    now, next_at = ledger.next_run(conn)
                    if next_at is not None and next_at <= now:
                        self.run(conn, only_due=True, stop=stop)
                        now, next_at = ledger.next_run(conn)
                # Still due: the mail server was away.
                if next_at is not None and next_at > now:
                    wait_s = min((next_at - now).total_seconds(), LONGEST_WAIT_S)
            except (MentorcertError, psycopg.Error) as error:
                logs.event("notices_wait", level=logging.ERROR, error=error, seconds=wait_s)
            stop.wait(wait_s)

    def _send(
        self,
        conn: Connection,
        mails: Sequence[Reminder | Digest],
        fates: Counter[DeliveryStatus],
        stop: threading.Event,
    ) -> None:
        sent: list[UUID] = []
        released = {mail.mail_id for mail in mails}
        try:
            with post(self.server) as opened:
                for mail in mails:
                    if stop.is_set():
                        break
                    fate = self._hand_over(mail, opened, released)
                    fates[fate] += 1
                    if fate == "sent":
                        sent.append(mail.mail_id)
        finally:
            ledger.report(conn, sent=sent, released=list(released))

    def _hand_over(self, mail: Reminder | Digest, opened: SmtpClient, released: set[UUID]) -> DeliveryStatus:
        try:
            message = write(mail, sender=self.server.sender, public_url=self.public_url)
        except ValueError as error:
            # One that cannot be written must not keep the others waiting.
            logs.event("notice_refused", level=logging.ERROR, error=error, mail_id=str(mail.mail_id))
            return "refused"
        # Whatever stops us from here on, unless we know better it may have gone out.
        released.discard(mail.mail_id)
        try:
            fate, code = opened.hand_over(mail.address, message)
        except MailServerError:
            released.add(mail.mail_id)
            raise
        if fate == "refused":
            released.add(mail.mail_id)
            logs.event("notice_refused", level=logging.ERROR, mail_id=str(mail.mail_id), code=code)
        elif fate == "uncertain":
            logs.event("notice_uncertain", level=logging.ERROR, mail_id=str(mail.mail_id))
        return fate


def _batches(
    ids: Sequence[UUID], step: str, progress: Progress, stop: threading.Event
) -> Iterator[Sequence[UUID]]:
    for start in range(0, len(ids), BATCH):
        if stop.is_set():
            return
        progress(step, start, len(ids))
        yield ids[start : start + BATCH]
        progress(step, min(start + BATCH, len(ids)), len(ids))
