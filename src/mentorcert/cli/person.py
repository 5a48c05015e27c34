"""`mentorcert person`: what is known of one peer mentor, and erasure."""

from typing import Annotated

import typer

from mentorcert.cli.output import as_json, console
from mentorcert.cli.output_file import STANDARD_OUTPUT, Output, write_output
from mentorcert.db.connection import connect
from mentorcert.errors import InvalidInputError
from mentorcert.operations import journal, journal_places
from mentorcert.organisations import data_subjects
from mentorcert.settings import settings

commands = typer.Typer(no_args_is_help=True, help="Answer a person's requests: access and erasure.")

Organisation = Annotated[str, typer.Argument(help="Slug of the organisation.")]
PeerMentor = Annotated[
    str, typer.Argument(help="The organisation's own number of the peer mentor, or the id.")
]


@commands.command()
def export(
    organisation: Organisation,
    peer_mentor: PeerMentor,
    *,
    output: Output = STANDARD_OUTPUT,
) -> None:
    """Write everything that is known of one peer mentor as JSON.

    The person, chapters, certifications with their whole histories, the entry on the public list, the login
    and its memberships in this organisation, what the logs have of it, and what was sent to the portal and
    received from it.
    """
    with connect(autocommit=True) as conn:
        everything = data_subjects.export(conn, data_subjects.find(conn, organisation, peer_mentor))
    write_output(f"{as_json(everything)}\n".encode(), output)


@commands.command()
def erase(
    organisation: Organisation,
    peer_mentor: PeerMentor,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; there is no way back.")] = False,
    with_login: Annotated[
        bool,
        typer.Option("--with-login", help="Delete the login, too, if nothing in the registry needs it."),
    ] = False,
) -> None:
    """Erase one peer mentor for good; without --yes it only says what would go.

    Name, contact, login, and notes and evidence of histories go. Certification types, dates, statuses and
    past chapters stay without a name, for the counts of past years. What the portal sent about the person
    goes as well, what nobody has settled when the portal has confirmed the erasure.
    The person is off the public list at once.
    """
    with connect(autocommit=True) as conn:
        peer_mentor_id = data_subjects.find(conn, organisation, peer_mentor)
        if not yes:
            known = data_subjects.export(conn, peer_mentor_id)
            console.print(
                f"Would erase {peer_mentor_id}: "
                f"{len(known['certifications'])} certifications stay without a name, "
                f"{'is' if known['public_list'] else 'is not'} on the public list, "
                f"{'has a' if known['login'] else 'has no'} login.",
                soft_wrap=True,
            )
            raise InvalidInputError(
                "Erasure has no way back.",
                hint="Add --yes to do it; `mentorcert person export` first keeps what was known.",
            )
        login = data_subjects.erase(conn, peer_mentor_id, with_login=with_login)
        if (place := journal_places.from_settings(settings())) is not None:
            journal.write(conn, place)
    console.print(f"erased: {peer_mentor_id}; login: {login}", soft_wrap=True)
