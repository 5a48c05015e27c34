"""`mentorcert notices`: reminders and digests by e-mail, and their delivery status."""

import getpass
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.table import Table

from mentorcert.access import least_rights
from mentorcert.cli.instants import instant
from mentorcert.cli.output import console, print_json, progress_bars
from mentorcert.db.connection import Connection, connect
from mentorcert.errors import InvalidInputError, MentorcertError, SettingError
from mentorcert.notices import ledger, logins, sending, smtp
from mentorcert.notices.invitations import InvitationSender
from mentorcert.notices.ledger import Due, DueDigest, Uncertain
from mentorcert.notices.outbox import OutboxReport, QueuedSender
from mentorcert.settings import Settings, settings

_SHOWN = 50
_OUTCOMES = {
    "mail": "will be sent",
    "no_address": "no address",
    "paused": "paused: waits",
    "suspended": "suspended: waits",
    "skipped": "skipped: due too long ago",
}


def sender(of: Settings) -> sending.Sender | None:
    """Return the sender, None where no mail server is set; raises SettingError for incomplete settings."""
    server = smtp.from_settings(of)
    if server is None:
        return None
    if of.public_url is None:
        raise SettingError(
            "MENTORCERT_SMTP_HOST is set, but not MENTORCERT_PUBLIC_URL.", hint="Notices link to the pages."
        )
    return sending.Sender(server, of.public_url)


def invitation_sender(using: sending.Sender, of: Settings) -> InvitationSender:
    """Return the sender of invitations by the same mail server; raises SettingError for an unusable service key."""
    return InvitationSender(using.server, using.public_url, logins.from_settings(of))


def queued_sender(using: sending.Sender) -> QueuedSender:
    """Return the sender of letters, and of reminders that are sent now, by the same mail server."""
    return QueuedSender(using.server, using.public_url)


def notices(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be sent.")] = False,
    as_of: Annotated[
        str | None,
        typer.Option(help="With --dry-run: instant (ISO 8601; UTC where it names no zone); by default now."),
    ] = None,
    status: Annotated[
        bool,
        typer.Option("--status", help="Only list the mails whose delivery is uncertain."),
    ] = False,
    was_sent: Annotated[
        list[UUID] | None, typer.Option(help="Id of a mail of --status that was sent; may be repeated.")
    ] = None,
    was_not_sent: Annotated[
        list[UUID] | None,
        typer.Option(
            help="Id of a mail of --status that was not sent, so that it is due again; may be repeated."
        ),
    ] = None,
    reach_days: Annotated[
        int,
        typer.Option(min=0, max=365, help="Skip what became due longer ago, unless no run could send it."),
    ] = ledger.REACH_DAYS,
    release: Annotated[
        bool,
        typer.Option("--release", help="After a restore: let notices go out again, from the next run on."),
    ] = False,
    skip_before: Annotated[
        str | None,
        typer.Option(
            help="With --release: what was due before this instant was sent, and is not sent again."
        ),
    ] = None,
    reason: Annotated[str | None, typer.Option(help="With --release: why; it is recorded.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; ids, no addresses.")] = False,
) -> None:
    """Send reminders of expiring certifications, invitations and letters by e-mail; safe to run at any time, also twice.

    Nothing is sent twice; mails claimed by another run are left to it. Exit code 1 if anything failed.
    """
    at = instant("--as-of", as_of)
    if at is not None and not dry_run:
        raise InvalidInputError(
            "--as-of needs --dry-run: notices are always sent for the present.", hint="Add --dry-run."
        )
    if release != (reason is not None) or (skip_before is not None and not release):
        raise InvalidInputError(
            "--release needs --reason, and the reverse.", hint="mentorcert notices --help"
        )
    with connect(autocommit=True) as conn:
        if release:
            _release(conn, reason or "", instant("--skip-before", skip_before), as_json=as_json)
            return
        least_rights.require_login(conn, "mentorcert_jobs")
        if dry_run:
            _print_due(ledger.due(conn, at, reach_days), ledger.due_digests(conn, at), as_json=as_json)
        elif status or was_sent or was_not_sent:
            _settle(conn, was_sent or [], was_not_sent or [])
            _print_uncertain(ledger.uncertain(conn), as_json=as_json)
        else:
            _send(conn, reach_days, as_json=as_json)


def _release(conn: Connection, reason: str, skip_before: datetime | None, *, as_json: bool) -> None:
    reminders, digests = ledger.release(conn, reason, skip_before, getpass.getuser())
    if as_json:
        print_json({"skipped_reminders": reminders, "skipped_digests": digests})
    else:
        console.print(f"Notices go out again; {reminders} reminders and {digests} digests count as sent.")


def _send(conn: Connection, reach_days: int, *, as_json: bool) -> None:
    if ledger.are_held(conn):
        raise MentorcertError(
            "No notice goes out since the registry was restored.",
            hint="Release them with --release --reason …, --skip-before for what was sent after the backup.",
        )
    using = sender(settings())
    if using is None:
        raise SettingError(
            "MENTORCERT_SMTP_HOST is not set.",
            hint="docs/notices.md lists the settings; --dry-run needs none.",
        )
    inviting = invitation_sender(using, settings())
    with progress_bars() as progress:
        report = using.run(conn, reach_days=reach_days, progress=progress)
        invited = inviting.run(conn, progress=progress)
        queued = queued_sender(using).run(conn, progress=progress)
    if as_json:
        print_json(
            report.counts()
            | {"invitations": dict(invited.mails), "invitations_error": invited.error}
            | {"queued": dict(queued.mails), "queued_error": queued.error}
        )
    else:
        _print_report(report, invited, queued)
    if not (report.is_complete and invited.is_complete and queued.is_complete):
        raise typer.Exit(1)


def _settle(conn: Connection, was_sent: Sequence[UUID], was_not_sent: Sequence[UUID]) -> None:
    known = {one.mail_id for one in ledger.uncertain(conn)}
    if unknown := ({*was_sent, *was_not_sent} - known) | ({*was_sent} & {*was_not_sent}):
        raise InvalidInputError(
            f"Not in doubt, or named twice: {', '.join(sorted(map(str, unknown)))}.",
            hint="`mentorcert notices --status` lists the mails in doubt.",
        )
    ledger.report(conn, sent=was_sent, released=was_not_sent)


def _print_report(report: sending.Report, invited: OutboxReport, queued: OutboxReport) -> None:
    table = Table("mails", title="Notices")
    for status in ("sent", "refused", "uncertain"):
        table.add_column(status, justify="right")
    for kind, statuses in (
        ("reminders", report.reminders),
        ("digests", report.digests),
        ("invitations", invited.mails),
        ("letters, and reminders sent now", queued.mails),
    ):
        table.add_row(kind, *(str(statuses[status]) for status in ("sent", "refused", "uncertain")))
    console.print(table)
    _print_counts(report.unsent)
    if report.left:
        console.print(
            f"{report.left} peer mentors were changed or locked by another session: left to the next run."
        )
    if report.error:
        console.print(f"[red]{report.error}[/red] What was not sent is due again.")
    for name, outbox in (("Invitations", invited), ("Letters", queued)):
        if outbox.error:
            console.print(f"{name}: [red]{outbox.error}[/red] What was not sent is due again.")


def _print_due(due: Sequence[Due], digests: Sequence[DueDigest], *, as_json: bool) -> None:
    if as_json:
        print_json({"reminders": _without_recipient(due), "digests": _without_recipient(digests)})
        return
    hidden = len(due) - _SHOWN
    table = Table(
        "organisation", "recipient", "type", "last valid day", "notice", "",
        caption=f"and {hidden} more (all of them with --json)" if hidden > 0 else None,
    )  # fmt: skip
    for one in due[:_SHOWN]:
        table.add_row(
            one.organisation,
            one.recipient or "",
            one.certification_type,
            one.last_valid_day.isoformat(),
            f"{one.days_before} days before" if one.days_before else "has expired",
            _OUTCOMES[one.outcome],
        )
    if due:
        console.print(table)
    mails = len({one.peer_mentor_id for one in due if one.outcome == "mail"})
    with_lines = sum(1 for one in digests if one.lines)
    console.print(f"{mails} reminders and {with_lines} digests would be sent.")
    _print_counts(Counter(one.outcome for one in due if one.outcome != "mail"))


def _print_counts(unsent: Counter[Any]) -> None:
    for outcome, number in unsent.items():
        if number:
            console.print(f"{_OUTCOMES[outcome]}: {number} notices")


def _without_recipient(rows: Sequence[Due] | Sequence[DueDigest]) -> list[dict[str, Any]]:
    return [{key: value for key, value in asdict(row).items() if key != "recipient"} for row in rows]


def _print_uncertain(mails: Sequence[Uncertain], *, as_json: bool) -> None:
    if as_json:
        print_json([asdict(mail) for mail in mails])
        return
    if not mails:
        console.print("No mail is in doubt.")
        return
    table = Table("mail", "kind", "organisation", "sent at", title="In doubt")
    for mail in mails:
        table.add_row(
            str(mail.mail_id), mail.kind, mail.organisation, f"{mail.claimed_at:%Y-%m-%d %H:%M} UTC"
        )
    console.print(table)
    console.print(
        "Look for their Message-ID in the mail server's log, then use --was-sent or --was-not-sent."
    )
