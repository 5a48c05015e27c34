"""`mentorcert organisation`: sets up an organisation from its file."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from mentorcert.cli.output import console, print_json
from mentorcert.db.connection import connect
from mentorcert.organisations import memberships, organisation_file
from mentorcert.organisations.memberships import Role

commands = typer.Typer(no_args_is_help=True, help="Set up organisations.")


@commands.command()
def apply(
    file: Annotated[Path, typer.Argument(help="TOML file.", exists=True, dir_okay=False, readable=True)],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Set up an organisation, its certification types and its chapters as FILE says.

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
    ):
        console.print(f"{noun}: {len(added)} {would}added, {len(changed)} {would}changed")
        if others:
            listed = escape(", ".join(others))
            console.print(f"[yellow]not in the file, left as they are:[/yellow] {listed}", soft_wrap=True)


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
