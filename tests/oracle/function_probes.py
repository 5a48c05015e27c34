"""What an actor tries with every function of the API, and its result by the model."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import Final
from uuid import UUID

from mentorcert.access.model import Certification, World
from mentorcert.access.rules import Reach, ids_within, may_insert, may_select, may_update, with_chapters_under
from tests.oracle.comparison import AS_DONE, DONE, Probe, closed, ids
from tests.oracle.table_probes import REFUSED
from tests.oracle.worlds import MISSING, TYPE_CODES, number_of

# The result of a change that the model allows: every certification is active, for months to come.
CHANGES: Final[dict[str, tuple[str, frozenset[str] | str]]] = {
    "renew_certification": ("public.renew_certification(%L)", DONE),
    "change_certifications": ("public.change_certifications('renew', array[%L]::uuid[])", DONE),
    "suspend_certification": ("public.suspend_certification(%L, 'why')", DONE),
    "reinstate_certification": ("public.reinstate_certification(%L)", "MC001"),
    "revert_change": (f"public.revert_change(%L::uuid, '{MISSING}'::uuid, 'why')", "MC006"),
}


def probes(within: Reach) -> Iterator[Probe]:
    """Yield what the actor tries with each function."""
    yield from open_to_all(within)
    for probe in chain(reading(within), feeds(within), changing(within), changing_many(within)):
        if within.actor.user_id is None:
            yield replace(probe, expected=REFUSED, saying=closed(f"function {probe.target}"))
        else:
            yield probe


def open_to_all(within: Reach) -> Iterator[Probe]:
    """Yield what is answered alike to everybody: certificates, a feed by its token, a list's heading."""
    codes = [*(row.id for row in within.world.certifications), MISSING]
    every = ", ".join(f"'{code}'" for code in codes)
    yield Probe(
        "check_certificate", "call",
        f"select array_agg(code::text) from unnest(array[{every}]::uuid[]) as code"
        " where public.check_certificate(code)",
        frozenset(map(str, codes[:-1])),
    )  # fmt: skip
    yield Probe(
        "calendar_of", "call", f"select public.calendar_of('{MISSING}')", DONE, afterwards=AS_DONE
    )  # only the token counts, not the caller
    yield Probe(
        "public_organisation",
        "call",
        "select public.public_organisation('nowhere')",
        DONE,
        afterwards=AS_DONE,
    )


def feeds(within: Reach) -> Iterator[Probe]:
    """Yield what the actor tries with the own calendar feed."""
    yield Probe(
        "create_calendar_feed", "call", "select array['done'] from public.create_calendar_feed()",
        DONE if within.own_ids else REFUSED,
    )  # fmt: skip
    is_peer_mentor = frozenset({"true" if within.own_ids else "false"})
    yield Probe("set_my_language", "call", "select array[public.set_my_language('en')::text]", is_peer_mentor)
    for function in ("revoke_calendar_feed", "calendar_feed_created_at"):
        yield Probe(function, "call", f"select array['done'] from public.{function}()", DONE)


def reading(within: Reach) -> Iterator[Probe]:
    world = within.world
    certifications = (*world.certifications, Certification(MISSING, MISSING, MISSING))
    seen = frozenset(map(str, ids_within(within, certifications)))

    def probe(
        function: str, statement: str, expected: frozenset[str], judged: Sequence[Certification] = ()
    ) -> Probe:
        return Probe(function, "call", statement, expected, judged, may_select)

    every = (
        "array_agg(id::text) from unnest(array["
        + ", ".join(f"'{row.id}'" for row in certifications)
        + "]::uuid[]) as id"
    )
    yield probe(
        "get_user_organisation_id",
        "select array[coalesce(public.get_user_organisation_id()::text, 'none')]",
        frozenset({str(within.organisation_id or "none").lower()}),
    )
    yield probe(
        "own_organisations",
        "select array_agg(id::text) from public.own_organisations()",
        frozenset(
            str(membership.organisation_id)
            for membership in world.memberships
            if membership.user_id == within.actor.user_id and not membership.ended
        ),
    )
    yield probe(
        "certification_history",
        f"select {every} where exists (select public.certification_history(id))", seen, certifications,
    )  # fmt: skip
    yield probe(
        "certification_as_of",
        f"select {every} where public.certification_as_of(id, now()) is not null", seen, certifications,
    )  # fmt: skip
    yield Probe(
        "current_status", "call", "select public.current_status(null)", DONE, afterwards=AS_DONE
    )  # of no row, since without a right to the table there is none to give
    if within.actor.user_id is not None:
        yield probe(
            "current_status",
            "select array_agg(id::text) from public.peer_mentor_certifications as certification"
            " where public.current_status(certification) = 'active'", seen, certifications,
        )  # fmt: skip
    yield probe(
        "certifications_page",
        "select array_agg(id::text) from public.certifications_page(page_size => 1000)", seen, certifications,
    )  # fmt: skip
    if within.actor.user_id is not None:
        yield probe(
            "certifications_page",
            "select array_agg(id::text) from mentorcert.certifications_page(page_size => 1000)",
            seen, certifications,
        )  # fmt: skip
    for sort in ("expires", "issued", "name", "type"):
        yield probe(
            "search_certifications",
            "select array_agg(id::text)"
            f" from public.search_certifications(page_size => 1000, sort => '{sort}')", seen, certifications,
        )  # fmt: skip
    yield probe(
        "search_certifications",
        "select array_agg(id::text) from public.search_certifications('pers', page_size => 1000)",
        seen, certifications,
    )  # fmt: skip
    listed = ", ".join(f"'{row.id}'" for row in certifications)
    yield Probe(
        "preview_changes", "call",
        "select array_agg(certification_id::text)"
        f" from public.preview_changes('suspend', array[{listed}]::uuid[]) where refusal is null",
        ids([row for row in certifications if may_update(within, row)]), certifications, may_update,
    )  # fmt: skip
    for chapter in (*(chapter.id for chapter in world.chapters), MISSING):
        of_chapter = seen & ids(_certifications_in(world, with_chapters_under(world, [chapter])))
        yield probe(
            "certifications_page",
            "select array_agg(id::text)"
            f" from public.certifications_page(page_size => 1000, chapter_id => '{chapter}')",
            of_chapter, certifications,
        )  # fmt: skip
        yield probe(
            "search_certifications",
            "select array_agg(id::text)"
            f" from public.search_certifications(page_size => 1000, chapter_id => '{chapter}')",
            of_chapter, certifications,
        )  # fmt: skip


def changing(within: Reach) -> Iterator[Probe]:
    for function, (call, outcome) in CHANGES.items():
        for row in (*within.world.certifications, Certification(MISSING, MISSING, MISSING)):
            yield Probe(
                function, "call", "select array['done'] from " + call.replace("%L", f"'{row.id}'"),
                outcome if may_update(within, row) else REFUSED, (row,), may_update, sent=row.id,
            )  # fmt: skip
    organisations = {mentor.id: mentor.organisation_id for mentor in within.world.peer_mentors}
    for mentor, organisation in {**organisations, MISSING: MISSING}.items():
        row = Certification(MISSING, organisation, mentor)
        yield Probe(
            "register_certification", "call",
            f"select array['done'] from public.register_certification('{mentor}', '{TYPE_CODES[2]}')",
            DONE if may_insert(within, row) else REFUSED, (row,), may_insert, sent=mentor,
        )  # fmt: skip


def changing_many(within: Reach) -> Iterator[Probe]:
    world = within.world
    for chapter in (*(chapter.id for chapter in world.chapters), MISSING):
        extended = [
            row
            for row in _certifications_in(world, with_chapters_under(world, [chapter]))
            if may_update(within, row) and number_of(row.id) % 10 == 0
        ]
        done = DONE if extended else "MC008"
        yield Probe(
            "extend_certifications", "call",
            "select public.extend_certifications"
            f"('{TYPE_CODES[0]}', (current_date + 300), 'why', '{chapter}')",
            done if within.administers else REFUSED,
            sent=chapter, afterwards=AS_DONE,
        )  # fmt: skip
    yield Probe(
        "revert_change", "call with a batch", f"select public.revert_change('{MISSING}'::uuid, 'why')",
        "MC006" if within.administers else REFUSED, sent=MISSING, afterwards=AS_DONE,
    )  # fmt: skip


def _certifications_in(world: World, chapters: Iterable[UUID]) -> list[Certification]:
    mentors = {mentor for chapter in chapters for mentor in world.peer_mentors_in.get(chapter, ())}
    return [row for row in world.certifications if row.peer_mentor_id in mentors]
