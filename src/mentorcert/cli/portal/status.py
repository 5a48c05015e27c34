"""`mentorcert portal status`: the health of every connection, and what is wrong."""

from collections.abc import Mapping
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
from mentorcert.portal.monitoring.health import ConnectionHealth, Figures, Reconciliation, Snapshot

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
        figures = health.figures(conn)
    if organisation is not None:
        if organisation not in {one.organisation for one in snapshot.connections}:
            raise UnknownOrganisationError.named(organisation)
        snapshot = snapshot.of(organisation)
        attempts = [one for one in attempts if one.organisation == organisation]
    found = run_checks(snapshot)
    if as_json:
        print_json(_document(snapshot, figures, attempts, found))
    else:
        _print(snapshot, figures, attempts, found)
    if has_error(found):
        raise typer.Exit(1)


def _document(
    snapshot: Snapshot,
    figures: Mapping[str, Figures],
    attempts: list[health.RecentAttempts],
    found: list[Finding],
) -> dict[str, Any]:
    def own(rows: Any, slug: str) -> list[dict[str, Any]]:
        return [
            {name: value for name, value in asdict(one).items() if name != "organisation"}
            for one in rows
            if one.organisation == slug
        ]

    return {
        "read_at": snapshot.read_at,
        "organisations": [
            {
                **asdict(one),
                **asdict(figures[one.organisation]),
                "attempts": own(attempts, one.organisation),
                "messages": own(snapshot.messages, one.organisation),
                "secrets": own(snapshot.secrets, one.organisation),
                "reconciliation": next(iter(own(snapshot.reconciliations, one.organisation)), None),
                "findings": own(
                    (it for it in found if it.organisation == one.organisation), one.organisation
                ),
            }
            for one in snapshot.connections
        ],
        "workers": [asdict(one) for one in snapshot.workers],
        "findings": [asdict(one) for one in found],
    }


def _print(
    snapshot: Snapshot,
    figures: Mapping[str, Figures],
    attempts: list[health.RecentAttempts],
    found: list[Finding],
) -> None:
    compared = {one.organisation: one for one in snapshot.reconciliations}
    for one in snapshot.connections:
        if one.adapter is None:
            console.print(f"{one.organisation}: no portal is connected; changes are recorded.")
            continue
        table = Table(show_header=False, title=one.organisation, title_justify="left")
        for name, text in _lines(one, figures[one.organisation], snapshot, compared.get(one.organisation)):
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
        "none"
        if not snapshot.workers
        else f"{len(snapshot.workers)}, last heartbeat {snapshot.worker_silent_s:.0f} s ago"
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


def _lines(
    connection: ConnectionHealth, figures: Figures, snapshot: Snapshot, compared: Reconciliation | None
) -> list[tuple[str, str]]:
    since = f"for {duration(connection.mode_s)}, by {connection.changed_by}: {connection.reason}"
    messages = [
        f"{it.messages} {it.state}" for it in snapshot.messages if it.organisation == connection.organisation
    ]
    secrets = [
        f"{it.place}: {it.expires}"
        for it in snapshot.secrets
        if it.organisation == connection.organisation and it.days_left <= health.NOTICE_DAYS
    ]
    breaker = (
        f"{connection.breaker}. {connection.breaker_reason}"
        if connection.breaker_reason
        else connection.breaker
    )
    states = sorted(figures.rows_by_state.items())
    return [
        ("mode", f"{connection.mode} {since}"),
        ("portal", f"{connection.adapter}, contract {connection.contract_version}"),
        ("breaker", breaker),
        (
            "peer mentors",
            ", ".join(f"{number} {state}" for state, number in states if number),
        ),
        ("oldest unconfirmed removal", duration(connection.oldest_removal_s) or "none"),
        ("compared", _compared(compared)),
        ("inbox", ", ".join(messages) or "empty"),
        ("secrets that expire soon", ", ".join(secrets) or "none"),
    ]


def _compared(reconciliation: Reconciliation | None) -> str:
    if reconciliation is None or reconciliation.finished_at is None:
        return "never: unverified"
    at = f"{reconciliation.finished_at:%Y-%m-%d %H:%M}"
    if reconciliation.outcome != "done":
        return f"{reconciliation.outcome} at {at}: {reconciliation.reason}"
    drift = (
        ", ".join(f"{number} {kind}" for kind, number in sorted(reconciliation.drift.items()))
        or "no difference"
    )
    return f"{reconciliation.scope} at {at}: {drift}"
