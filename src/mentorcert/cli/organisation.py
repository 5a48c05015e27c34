"""`mentorcert organisation`: lists the organisations, and sets one up from its file."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from mentorcert.cli.output import console, print_json
from mentorcert.db.connection import connect
from mentorcert.organisations import memberships, organisation_file
from mentorcert.organisations.memberships import Role
from mentorcert.organisations.overview import overview

commands = typer.Typer(no_args_is_help=True, help="Set up organisations.")


@commands.command("list")
def list_(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the organisations, with their counts of peer mentors and certifications."""
    with connect(autocommit=True) as conn:
        found = overview(conn)
    if as_json:
        print_json([asdict(organisation) for organisation in found])
        return
    table = Table("slug", "name")
    for heading in ("peer mentors", "active", "expired", "suspended", "on the public list"):
        table.add_column(heading, justify="right")
    for one in found:
        counts = (one.peer_mentors, one.active, one.expired, one.suspended, one.listed)
        table.add_row(escape(one.organisation), escape(one.name), *map(str, counts))
    console.print(table)


@commands.command()
def apply(
    file: Annotated[Path, typer.Argument(help="TOML file.", exists=True, dir_okay=False, readable=True)],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Set up an organisation, its certification types, chapters and topics as FILE says.

    Applied again, it changes nothing. What the file leaves out stays, and is listed. The organisation's slug
    and time zone, and the codes of types and chapters, never change.
    """
    stated = organisation_file.read(file)
    with connect(autocommit=True) as conn:
        summary = organisation_file.apply(conn, stated, dry_run=dry_run)
    if as_json:
        print_json({"dry_run": dry_run, **asdict(summary)})
        return
    would = "would be " if dry_run else ""
    console.print(f"organisation [bold]{summary.organisation}[/bold]: {would}{summary.organisation_is}")
    for noun, added, changed, others in (
        ("certification types", summary.types_added, summary.types_changed, summary.types_not_in_file),
        ("chapters", summary.chapters_added, summary.chapters_changed, summary.chapters_not_in_file),
        ("topics", summary.topics_added, summary.topics_changed, summary.topics_not_in_file),
    ):
        console.print(f"{noun}: {len(added)} {would}added, {len(changed)} {would}changed")
        if others:
            listed = escape(", ".join(others))
            console.print(f"[yellow]not in the file, left as they are:[/yellow] {listed}", soft_wrap=True)


@commands.command()
def export(organisation: Annotated[str, typer.Argument(help="Slug of the organisation.")]) -> None:
    """Write an organisation's types, chapters (with contact and places) and topics as a file that `apply` takes.

    What is retired is left out.
    """
    with connect(autocommit=True) as conn:
        typer.echo(organisation_file.written(organisation_file.stated(conn, organisation)), nl=False)


@commands.command()
def admit(
    organisation: Annotated[str, typer.Argument(help="Slug of the organisation.")],
    login: Annotated[str, typer.Argument(help="E-mail address or user id of somebody who has signed up.")],
    *,
    role: Annotated[Role, typer.Option(help="What the person may do.")],
    chapter: Annotated[str | None, typer.Option(help="Code of the chapter that a coordinator gets.")] = None,
    peer_mentor: Annotated[
        str | None, typer.Option(help="The organisation's own number of the peer mentor whose login it is.")
    ] = None,
) -> None:
    """Give a login a place in an organisation: the first administrator, say.

    From then on the administrator can do it through the Data API. Admitted again, nothing changes.
    """
    with connect(autocommit=True) as conn:
        is_new = memberships.admit(conn, organisation, login, role, chapter=chapter, peer_mentor=peer_mentor)
    console.print(f"{'admitted' if is_new else 'admitted already'}: {escape(login)} as {role}")
