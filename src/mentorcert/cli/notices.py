"""`mentorcert notices`: reminders and digests by e-mail, and what became of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.table import Table

from mentorcert.cli.instants import instant
from mentorcert.cli.output import console, print_json, progress_bars
from mentorcert.db.connection import Connection, connect
from mentorcert.errors import InvalidInputError, SettingError
from mentorcert.notices import ledger, sending, smtp
from mentorcert.notices.ledger import Due, DueDigest, Uncertain
from mentorcert.settings import settings

_SHOWN = 50
_OUTCOMES = {
    "mail": "goes out",
    "no_address": "no address",
    "suspended": "suspended: waits",
    "skipped": "skipped: due too long ago",
}


def sender() -> sending.Sender | None:
    """Return what sends notices, None where no mail server is set; raises SettingError for half a setting."""
    of = settings()
    server = smtp.from_settings(of)
    if server is None:
        return None
    if of.public_url is None:
        raise SettingError(
            "MENTORCERT_SMTP_HOST is set, but not MENTORCERT_PUBLIC_URL.", hint="Notices link to the pages."
        )
    return sending.Sender(server, of.public_url)


def notices(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would go out.")] = False,
    as_of: Annotated[
        str | None,
        typer.Option(help="With --dry-run: instant (ISO 8601; UTC where it names no zone); by default now."),
    ] = None,
    status: Annotated[
        bool,
        typer.Option("--status", help="Only list the mails of which it is not certain that they went out."),
    ] = False,
    was_sent: Annotated[
        list[UUID] | None, typer.Option(help="A mail of --status that went out, by its id; may be repeated.")
    ] = None,
    was_not_sent: Annotated[
        list[UUID] | None,
        typer.Option(help="A mail of --status that did not go out: it is due again; may be repeated."),
    ] = None,
    reach_days: Annotated[
        int,
        typer.Option(
            min=0, max=365, help="Leave out what became due longer ago, unless no run could send it."
        ),
    ] = ledger.REACH_DAYS,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; ids, no addresses.")] = False,
) -> None:
    """Remind of certifications that expire, by e-mail; may be run at any time, and twice.

    Nothing goes out twice; what another run has taken up is left to it. Exit code 1 if anything failed.
    """
    at = instant("--as-of", as_of)
    if at is not None and not dry_run:
        raise InvalidInputError("--as-of: notices are sent as of now.", hint="Add --dry-run.")
    with connect(autocommit=True) as conn:
        if dry_run:
            _print_due(ledger.due(conn, at, reach_days), ledger.due_digests(conn, at), as_json=as_json)
        elif status or was_sent or was_not_sent:
            _settle(conn, was_sent or [], was_not_sent or [])
            _print_uncertain(ledger.uncertain(conn), as_json=as_json)
        else:
            _send(conn, reach_days, as_json=as_json)


def _send(conn: Connection, reach_days: int, *, as_json: bool) -> None:
    using = sender()
    if using is None:
        raise SettingError(
            "MENTORCERT_SMTP_HOST is not set.",
            hint="docs/notices.md tells which settings; --dry-run needs none.",
        )
    with progress_bars() as progress:
        report = using.run(conn, reach_days=reach_days, progress=progress)
    if as_json:
        print_json(report.counts())
    else:
        _print_report(report)
    if not report.is_complete:
        raise typer.Exit(1)


def _settle(conn: Connection, was_sent: Sequence[UUID], was_not_sent: Sequence[UUID]) -> None:
    known = {one.mail_id for one in ledger.uncertain(conn)}
    if unknown := ({*was_sent, *was_not_sent} - known) | ({*was_sent} & {*was_not_sent}):
        raise InvalidInputError(
            f"Not in doubt, or named twice: {', '.join(sorted(map(str, unknown)))}.",
            hint="`mentorcert notices --status` lists what is.",
        )
    ledger.report(conn, sent=was_sent, released=was_not_sent)


def _print_report(report: sending.Report) -> None:
    table = Table("mails", title="Notices")
    for fate in ("sent", "refused", "uncertain"):
        table.add_column(fate, justify="right")
    for kind, fates in (("reminders", report.reminders), ("digests", report.digests)):
        table.add_row(kind, *(str(fates[fate]) for fate in ("sent", "refused", "uncertain")))
    console.print(table)
    _print_counts(report.untold)
    if report.left:
        console.print(f"{report.left} peer mentors were changed or held meanwhile: left to the next run.")
    if report.error:
        console.print(f"[red]{report.error}[/red] What did not go out is due again.")


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
    console.print(f"{mails} reminders and {with_lines} digests would go out.")
    _print_counts(Counter(one.outcome for one in due if one.outcome != "mail"))


def _print_counts(untold: Counter[Any]) -> None:
    for outcome, number in untold.items():
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
    table = Table("mail", "kind", "organisation", "handed over at", title="In doubt")
    for mail in mails:
        table.add_row(
            str(mail.mail_id), mail.kind, mail.organisation, f"{mail.claimed_at:%Y-%m-%d %H:%M} UTC"
        )
    console.print(table)
    console.print("The mail server's log names them by Message-ID. Then: --was-sent or --was-not-sent.")
