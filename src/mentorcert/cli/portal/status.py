"""`mentorcert portal status`: the health of every connection, and what is wrong."""

from dataclasses import asdict
from itertools import groupby
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from mentorcert.cli.output import console, print_json
from mentorcert.db.connection import connect
from mentorcert.errors import UnknownOrganisationError
from mentorcert.portal.monitoring import health
from mentorcert.portal.monitoring.checks import Finding, duration, has_error, run_checks
from mentorcert.portal.monitoring.health import ConnectionHealth, Reconciliation, Snapshot

_STYLES = {"error": "red", "warning": "yellow", "notice": "cyan"}


def status(
    organisation: Annotated[
        str | None, typer.Argument(help="Slug of an organisation; by default all.")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the health of each connection, and what is wrong; exit code 1 if anything is.

    docs/portal/alerts.md explains each finding and what to do about it.
    """
    with connect(autocommit=True) as conn:
        snapshot = health.read(conn)
        attempts = health.recent_attempts(conn)
    if organisation is not None:
        if organisation not in {one.organisation for one in snapshot.connections}:
            raise UnknownOrganisationError.named(organisation)
        snapshot = snapshot.of(organisation)
        attempts = [one for one in attempts if one.organisation == organisation]
    found = run_checks(snapshot)
    if as_json:
        print_json(_document(snapshot, attempts, found))
    else:
        _print(snapshot, attempts, found)
    if has_error(found):
        raise typer.Exit(1)


def _document(of: Snapshot, attempts: list[health.RecentAttempts], found: list[Finding]) -> dict[str, Any]:
    def own(rows: Any, slug: str) -> list[dict[str, Any]]:
        return [
            {name: value for name, value in asdict(one).items() if name != "organisation"}
            for one in rows
            if one.organisation == slug
        ]

    return {
        "read_at": of.read_at,
        "organisations": [
            {
                **asdict(one),
                "attempts": own(attempts, one.organisation),
                "messages": own(of.messages, one.organisation),
                "secrets": own(of.secrets, one.organisation),
                "reconciliation": next(iter(own(of.reconciliations, one.organisation)), None),
                "findings": own(
                    (it for it in found if it.organisation == one.organisation), one.organisation
                ),
            }
            for one in of.connections
        ],
        "workers": [asdict(one) for one in of.workers],
        "findings": [asdict(one) for one in found],
    }


def _print(of: Snapshot, attempts: list[health.RecentAttempts], found: list[Finding]) -> None:
    compared = {one.organisation: one for one in of.reconciliations}
    for one in of.connections:
        if one.adapter is None:
            console.print(f"{one.organisation}: no portal is connected; changes are recorded.")
            continue
        table = Table(show_header=False, title=one.organisation, title_justify="left")
        for name, text in _lines(one, of, compared.get(one.organisation)):
            table.add_row(name, escape(text))
        table.add_row(
            "attempts, last hour / day",
            ", ".join(
                f"{lately.outcome} {lately.last_hour} / {lately.last_day}"
                for lately in attempts
                if lately.organisation == one.organisation
            ),
        )
        console.print(table)
    heartbeat = (
        "none" if not of.workers else f"{len(of.workers)}, last heartbeat {of.worker_silent_s:.0f} s ago"
    )
    console.print(f"Workers: {heartbeat}.")
    for code, same in groupby(found, lambda one: (one.severity, one.code)):
        listed = list(same)
        style = _STYLES[code[0]]
        for finding in listed:
            whose = f"{finding.organisation}: " if finding.organisation else ""
            console.print(
                f"[{style}]{finding.severity}[/] {whose}{finding.code}: {escape(finding.what)}",
                soft_wrap=True,
            )
        console.print(f"  {escape(listed[0].advice)}", soft_wrap=True)
    if not found:
        console.print("[green]Nothing is wrong.[/green]")


def _lines(one: ConnectionHealth, of: Snapshot, compared: Reconciliation | None) -> list[tuple[str, str]]:
    since = f"for {duration(one.mode_s)}, by {one.changed_by}: {one.reason}"
    messages = [f"{it.messages} {it.state}" for it in of.messages if it.organisation == one.organisation]
    secrets = [
        f"{it.place}: {it.expires}"
        for it in of.secrets
        if it.organisation == one.organisation and it.days_left <= health.NOTICE_DAYS
    ]
    breaker = f"{one.breaker}. {one.breaker_reason}" if one.breaker_reason else one.breaker
    return [
        ("mode", f"{one.mode} {since}"),
        ("portal", f"{one.adapter}, contract {one.contract_version}"),
        ("breaker", breaker),
        (
            "peer mentors",
            ", ".join(f"{number} {state}" for state, number in sorted(one.rows_by_state.items()) if number),
        ),
        ("oldest unconfirmed removal", duration(one.oldest_removal_s) or "none"),
        ("compared", _compared(compared)),
        ("inbox", ", ".join(messages) or "empty"),
        ("secrets that expire soon", ", ".join(secrets) or "none"),
    ]


def _compared(of: Reconciliation | None) -> str:
    if of is None or of.finished_at is None:
        return "never: unverified"
    if of.outcome != "done":
        return f"{of.outcome} at {of.finished_at:%Y-%m-%d %H:%M}: {of.reason}"
    drift = ", ".join(f"{number} {kind}" for kind, number in sorted(of.drift.items())) or "no difference"
    return f"{of.scope} at {of.finished_at:%Y-%m-%d %H:%M}: {drift}"
