"""`mentorcert audit isolation`: proves that nobody sees another organisation now."""

import secrets
from dataclasses import asdict
from typing import Annotated, Final

import typer
from rich.markup import escape
from rich.table import Column, Table

from mentorcert.access import isolation as isolation_audit
from mentorcert.access.isolation import Audit, Examined
from mentorcert.access.rights import Rights
from mentorcert.cli.output import console, error_console, print_json, progress_bars
from mentorcert.db.connection import connect
from mentorcert.organisations import organisations

_SHOWN: Final = 50


def isolation(
    *,
    users: Annotated[int, typer.Option(min=1, help="How many logins to look through the eyes of.")] = 200,
    organisation: Annotated[
        str | None, typer.Option(help="Slug; only logins that are, or were, members there.")
    ] = None,
    seed: Annotated[
        str | None, typer.Option(help="Picks the same sample again; by default another one each time.")
    ] = None,
    switched_off: Annotated[
        bool,
        typer.Option("--switched-off", help="Read switched-off endpoints as well, as if they were on."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare what a sample of users sees with what the rules allow; exit code 1 if anybody sees more.

    Reads ids only, in a read-only transaction, as each of the users and as `anon`; the rules are computed in
    Python, from a snapshot. Connect as the owner of the tables.

    What users may read and write otherwise, by policies, grants, views and functions, is compared with the
    rights that the migrations grant: exit code 1 if there are unexpected ones.

    A switched-off endpoint is left out. With --switched-off it is on for this transaction only, which is
    rolled back: so a hotfix is proven before the endpoint is enabled. Enabling waits until the audit is done.
    """
    picked = seed or secrets.token_hex(4)
    with progress_bars() as progress, connect(autocommit=True) as conn:
        only_in = organisations.by_slug(conn, organisation).id if organisation else None
        audit = isolation_audit.examine(
            conn,
            users=users,
            seed=picked,
            organisation_id=only_in,
            read_switched_off=switched_off,
            progress=progress,
        )
    if as_json:
        print_json({"seed": picked, **asdict(audit)})
    else:
        _print_isolation(audit, picked)
    if audit.is_wrong:
        raise typer.Exit(1)


def _print_isolation(audit: Audit, seed: str) -> None:
    table = Table(Column("login", no_wrap=True), "acts in", "as", title="Isolation")
    for heading in ("rows seen", "outside", "hidden"):
        table.add_column(heading, justify="right")
    worst_first = sorted(audit.examined, key=lambda login: (-login.outside, -login.hidden))
    for login in worst_first[:_SHOWN]:
        table.add_row(
            _login(login),
            login.organisation or "–",
            ", ".join(login.roles) or "–",
            str(login.seen),
            f"[red]{login.outside}[/red]" if login.outside else "0",
            f"[yellow]{login.hidden}[/yellow]" if login.hidden else "0",
        )
    console.print(table)
    if len(worst_first) > _SHOWN:
        console.print(f"and {len(worst_first) - _SHOWN} more (all of them with --json)")
    for login in worst_first:
        for row in login.rows_outside:
            console.print(
                f"[red]outside:[/red] {_login(login)} sees {row.table} {row.id} "
                f"of organisation {row.organisation_id or '–'}",
                soft_wrap=True,
            )
        for row in login.rows_hidden:
            console.print(
                f"[yellow]hidden:[/yellow] {_login(login)} does not see {row.table} {row.id}", soft_wrap=True
            )
    for unknown in audit.unknown_tables:
        console.print(
            f"[red]error:[/red] the model has no rule for table {escape(unknown)}; "
            "add one to mentorcert.access.rules, or move the table out of the schema",
            soft_wrap=True,
        )
    _print_rights(audit.rights)
    for name, off in audit.switched_off.items():
        error_console.print(
            f"[yellow]not read:[/yellow] {name}, since the endpoint {off.endpoint} is switched off",
            soft_wrap=True,
        )
    outside = sum(login.outside for login in audit.examined)
    shown = sum(len(login.rows_outside) for login in audit.examined)
    console.print(
        f"{len(audit.examined)} users examined (seed {escape(seed)}), {outside} rows outside their scope"
        + (f", {shown} of them listed." if shown < outside else ".")
    )


def _print_rights(rights: Rights) -> None:
    for title, lines in (
        ("[red]unexpected rights[/red]", rights.unexpected),
        ("[yellow]missing rights[/yellow] (a notice)", rights.missing),
    ):
        if lines:
            console.print(f"{title}:")
        for line in lines:
            console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)


def _login(login: Examined) -> str:
    return str(login.actor.user_id or "anon")
