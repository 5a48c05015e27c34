"""`mentorcert explain-access`: says why somebody sees a certification, or does not."""

from dataclasses import asdict
from typing import Annotated
from uuid import UUID

import typer
from rich.markup import escape

from mentorcert.access import explanation
from mentorcert.access.explanation import Answer, Explanation
from mentorcert.cli.output import console, print_json
from mentorcert.db.connection import connect
from mentorcert.organisations import organisations


def explain_access(
    user: Annotated[str, typer.Argument(help="User id or e-mail address of a login.")],
    certification: Annotated[UUID, typer.Argument(help="Id of the certification.")],
    *,
    organisation_claim: Annotated[
        str | None, typer.Option(help="Slug of the organisation that the login's token names.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say which rule lets USER see CERTIFICATION, or why none does, and ask Postgres as that user.

    Exit code 1 if Postgres answers otherwise than the rules. Connect as the owner of the tables.
    """
    with connect(autocommit=True) as conn:
        claimed = organisations.by_slug(conn, organisation_claim).id if organisation_claim else None
        explained = explanation.explain(conn, user, certification, claimed_organisation_id=claimed)
    if as_json:
        print_json({**asdict(explained), "agrees": explained.agrees})
    else:
        _print(explained)
    if not explained.agrees:
        raise typer.Exit(1)


def _print(explained: Explanation) -> None:
    lines = [
        f"login: {explained.user_id}",
        *(f"  {membership}" for membership in explained.memberships),
        f"acts in: {explained.acts_in or 'no organisation'}",
        f"certification: {explained.certification_id} of {explained.organisation}",
        f"  the peer mentor is in {', '.join(explained.chapters) or 'no chapter'}",
        f"by the rules: {_words(explained.by_model)}",
        f"  {explained.reason} {explained.advice}".rstrip(),
        f"  asks for its renewal: {_yes(explained.asks)}, settles requests for it: {_yes(explained.settles)}",
        (
            f"  signs the peer mentor up for a course of the chapter: {_yes(explained.signs_up)}, says who attended: "
            f"{_yes(explained.settles)}"
        ),
        f"  has it in the forecast, while it is to end: {_yes(explained.forecasts)}",
    ]
    if explained.switched_off:
        off = explained.switched_off
        lines.append(
            f"but nobody gets at it: the endpoint {off.endpoint} has been switched off "
            f"since {off.since:%Y-%m-%d %H:%M %Z} ({off.reason})"
        )
    if explained.by_postgres:
        lines.append(f"Postgres answers: {_words(explained.by_postgres)}")
    for line in lines:
        console.print(escape(line), soft_wrap=True)
    if not explained.agrees:
        console.print(
            "[red]They disagree: a policy is not what docs/access.md says.[/red] Report this, and see the "
            "runbook for a policy gap in docs/operations.md.",
            soft_wrap=True,
        )


def _words(answer: Answer) -> str:
    return f"sees it: {_yes(answer.sees)}, changes it: {_yes(answer.changes)}"


def _yes(answer: bool) -> str:
    return "yes" if answer else "no"
