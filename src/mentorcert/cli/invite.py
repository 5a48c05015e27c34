"""`mentorcert invite`: invites people by e-mail address, and shows and withdraws invitations."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.markup import escape
from rich.table import Table
from typer.core import TyperGroup

from mentorcert.cli.lazy import HELP_NAMES
from mentorcert.cli.output import console, print_json, progress_bars
from mentorcert.db.connection import Connection, connect
from mentorcert.errors import InvalidInputError
from mentorcert.organisations import invitations, memberships, organisations
from mentorcert.organisations.invitations import Address, Candidate, Selection
from mentorcert.organisations.memberships import Role
from mentorcert.translations import Language

_SHOWN = 50
_BATCH = 1000
_OUTCOMES = {
    "invite": "to be invited",
    "open": "invited already",
    "has_login": "has a login",
    "no_address": "no usable address",
    "shared_address": "address of several peer mentors",
    "left": "has left",
}


class _Commands(TyperGroup):
    """`people` may be left out: what is no command is the organisation in which somebody is invited."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in HELP_NAMES:
            args = ["people", *args]
        rest: list[str] = super().parse_args(ctx, args)
        return rest


commands = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    help="Invite people by e-mail address, so that they get a login and their access.",
)

Organisation = Annotated[str, typer.Argument(help="Slug of the organisation.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON; ids, no addresses.")]


@commands.command()
def people(
    organisation: Organisation,
    addresses: Annotated[list[str] | None, typer.Argument(help="E-mail addresses.")] = None,
    *,
    file: Annotated[
        Path | None,
        typer.Option(help="File with one e-mail address a line.", exists=True, dir_okay=False, readable=True),
    ] = None,
    all_without_login: Annotated[
        bool, typer.Option("--all-without-login", help="All peer mentors who have an address and no login.")
    ] = False,
    role: Annotated[
        Role, typer.Option(help="What they become; a peer mentor is found by the address in the registry.")
    ] = "peer_mentor",
    chapter: Annotated[str | None, typer.Option(help="Code of the chapter that a coordinator gets.")] = None,
    days: Annotated[
        int, typer.Option(min=1, max=90, help="For how many days it is open.")
    ] = invitations.VALID_DAYS,
    language: Annotated[
        Language, typer.Option(help="Language of the mail to others than peer mentors.")
    ] = "nb",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say who would be invited.")] = False,
    as_json: Json = False,
) -> None:
    """Invite one address, those of a file, or all peer mentors of an organisation without a login.

    The mails go out by `mentorcert worker` or `mentorcert notices`. Whether an address has a login is not said.
    """
    given = [*(addresses or []), *(_lines_of(file) if file else [])]
    if bool(given) == all_without_login:
        raise InvalidInputError(
            "Give addresses or a file of them, or --all-without-login.",
            hint="mentorcert invite people --help",
        )
    if (role == "coordinator") != (chapter is not None) or (all_without_login and role != "peer_mentor"):
        raise InvalidInputError(
            "A coordinator, and nobody else, is invited to a chapter; --all-without-login invites peer mentors.",
            hint="Add --chapter CODE, or leave it out.",
        )
    with connect(autocommit=True) as conn:
        organisation_id = organisations.by_slug(conn, organisation).id
        found: Sequence[Candidate | Address]
        if role == "peer_mentor":
            ids = None if all_without_login else _peer_mentors_at(conn, organisation_id, given)
            found = invitations.candidates(conn, organisation_id, ids)
            wanted = [one.id for one in found if one.outcome == "invite"]
            invited = 0
            with progress_bars() as progress:
                for start in range(0, 0 if dry_run else len(wanted), _BATCH):
                    batch = wanted[start : start + _BATCH]
                    invited += invitations.invite_peer_mentors(conn, organisation_id, batch, valid_days=days)
                    progress("invitations", start + len(batch), len(wanted))
        else:
            chapter_id = memberships.find_chapter(conn, organisation_id, chapter) if chapter else None
            found = invitations.addresses(conn, organisation_id, given, role, chapter_id)
            invited = 0 if dry_run else invitations.invite(
                conn, organisation_id, given, role, chapter_id, valid_days=days, language=language
            )  # fmt: skip
    _print(found, invited, dry_run=dry_run, as_json=as_json)


@commands.command("list")
def list_(
    organisation: Organisation,
    *,
    selection: Annotated[Selection, typer.Option("--show", help="Which of them.")] = "open",
    as_json: Json = False,
) -> None:
    """List invitations, the newest first: who, as what, until when, and the result."""
    with connect(autocommit=True) as conn:
        organisation_id = organisations.by_slug(conn, organisation).id
        found = invitations.search(conn, organisation_id, selection=selection, size=invitations.AT_ONCE)
    if as_json:
        hidden = {"email", "full_name", "invited_by", "may_resend"}
        print_json([{key: value for key, value in asdict(one).items() if key not in hidden} for one in found])
        return
    table = Table("invitation", "address", "role", "chapter", "invited", "open until", "state", "failure")
    for one in found:
        table.add_row(
            str(one.id), escape(one.email or ""), one.role, escape(one.chapter or ""), f"{one.invited_at:%Y-%m-%d %H:%M}Z",
            f"{one.expires_at:%Y-%m-%d %H:%M}Z", one.state, one.failure or "",
        )  # fmt: skip
    console.print(table if found else "There is none.")


@commands.command()
def withdraw(
    organisation: Organisation,
    ids: Annotated[list[UUID], typer.Argument(help="Ids of `mentorcert invite list`.")],
) -> None:
    """Withdraw open invitations: nobody gets anything by them any more."""
    with connect(autocommit=True) as conn:
        organisation_id = organisations.by_slug(conn, organisation).id
        withdrawn = invitations.withdraw(conn, organisation_id, ids)
    console.print(f"{withdrawn} withdrawn; {len(set(ids)) - withdrawn} were not open.")


def _lines_of(file: Path) -> list[str]:
    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise InvalidInputError(f"{file} is no text in UTF-8.", hint="Save it as UTF-8.") from None
    return [line.strip() for line in lines if line.strip()]


def _peer_mentors_at(conn: Connection, organisation_id: UUID, given: Sequence[str]) -> list[UUID]:
    by_address = invitations.peer_mentors_at(conn, organisation_id, given)
    if unknown := [address for address in given if address not in by_address]:
        raise InvalidInputError(
            f"No peer mentor of the organisation has the address {', '.join(unknown[:_SHOWN])}; nobody is invited.",
            hint="Write the address into the row of the person first, or invite to another --role.",
        )
    return list(by_address.values())


def _print(found: Sequence[Candidate | Address], invited: int, *, dry_run: bool, as_json: bool) -> None:
    counts = Counter(one.outcome for one in found)
    if as_json:
        ids = [str(one.id) for one in found if isinstance(one, Candidate) and one.outcome == "invite"]
        print_json({"dry_run": dry_run, "invited": invited, "outcomes": dict(counts), "peer_mentor_ids": ids})
        return
    if dry_run:
        table = Table("name or address", "")
        for one in found[:_SHOWN]:
            shown = one.full_name if isinstance(one, Candidate) else one.email
            table.add_row(escape(shown), _OUTCOMES[one.outcome])
        console.print(table)
    for outcome, number in counts.items():
        console.print(f"{_OUTCOMES[outcome]}: {number}")
    console.print("Nobody was invited: this was a dry run." if dry_run else f"{invited} invited.")
