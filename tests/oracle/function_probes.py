"""What an actor tries with every function of the API, and its result by the model."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import Final
from uuid import UUID

from mentorcert.access.model import Certification, Chapter, PeerMentor, World
from mentorcert.access.rules import (
    Reach,
    ids_within,
    may_ask,
    may_insert,
    may_select,
    may_update,
    with_chapters_under,
)
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
    for probe in chain(
        reading(within),
        feeds(within),
        people(within),
        requests(within),
        courses(within),
        changing(within),
        changing_many(within),
    ):
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
        frozenset(
            str(row.id) for row in within.world.certifications
            if (row.organisation_id, row.peer_mentor_id) not in within.world.erased
        ),
    )  # fmt: skip
    yield Probe(
        "calendar_of", "call", f"select public.calendar_of('{MISSING}')", DONE, afterwards=AS_DONE
    )  # only the token counts, not the caller
    yield Probe(
        "courses_of_calendar",
        "call",
        f"select public.courses_of_calendar('{MISSING}')",
        DONE,
        afterwards=AS_DONE,
    )  # the same
    for function in ("public_organisation", "public_chapters", "public_topics"):
        yield Probe(function, "call", f"select public.{function}('nowhere')", DONE, afterwards=AS_DONE)
    yield Probe(
        "certificate_details", "call",
        f"select array_agg(code::text) from unnest(array[{every}]::uuid[]) as code"
        " where exists (select public.certificate_details(code))",
        frozenset(
            str(row.id) for row in within.world.certifications
            if (row.organisation_id, row.peer_mentor_id) not in within.world.erased
        ),
    )  # fmt: skip
    yield Probe(
        "public_search", "call", "select public.public_search('nowhere', 'x')", DONE, afterwards=AS_DONE
    )


def feeds(within: Reach) -> Iterator[Probe]:
    """Yield what the actor tries with the own calendar feed."""
    yield Probe(
        "create_calendar_feed", "call", "select array['done'] from public.create_calendar_feed()",
        DONE if within.own_ids else REFUSED,
    )  # fmt: skip
    is_peer_mentor = frozenset({"true" if within.own_ids else "false"})
    yield Probe("set_my_language", "call", "select array[public.set_my_language('en')::text]", is_peer_mentor)
    yield Probe(
        "my_coordinators", "call", "select array['done'] where (select count(*) from public.my_coordinators()) >= 0", DONE
    )  # fmt: skip
    # Nobody is invited in these worlds: what an invitation gives is for supabase/tests/database.
    yield Probe(
        "accept_invitations", "call", "select array['done'] where public.accept_invitations() = 0", DONE
    )
    for function in ("revoke_calendar_feed", "calendar_feed_created_at"):
        yield Probe(function, "call", f"select array['done'] from public.{function}()", DONE)


def reading(within: Reach) -> Iterator[Probe]:
    world = within.world
    certifications = (*world.certifications, Certification(MISSING, MISSING, MISSING))
    seen = frozenset(map(str, ids_within(within, certifications)))
    left = {mentor.id for mentor in world.peer_mentors if mentor.left}
    listed = seen - ids([row for row in certifications if row.peer_mentor_id in left])

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
    yield Probe("last_valid_day", "call", "select public.last_valid_day(null)", DONE, afterwards=AS_DONE)
    yield Probe(
        "early_renewal_from", "call", "select public.early_renewal_from(null)", DONE, afterwards=AS_DONE
    )
    for of_a_type in ("refresher_until", "after_lapse", "is_outdated"):
        yield Probe(of_a_type, "call", f"select public.{of_a_type}(null)", DONE, afterwards=AS_DONE)
    yield probe(
        "search_certifications",
        "select array_agg(id::text)"
        " from public.search_certifications(page_size => 1000, status => 'outdated')", frozenset(), certifications,
    )  # fmt: skip
    yield probe(
        "certifications_page",
        "select array_agg(id::text) from public.certifications_page(page_size => 1000)", listed, certifications,
    )  # fmt: skip
    if within.actor.user_id is not None:
        yield probe(
            "certifications_page",
            "select array_agg(id::text) from mentorcert.certifications_page(page_size => 1000)",
            listed, certifications,
        )  # fmt: skip
    for sort in ("expires", "issued", "name", "type"):
        yield probe(
            "search_certifications",
            "select array_agg(id::text)"
            f" from public.search_certifications(page_size => 1000, sort => '{sort}')", listed, certifications,
        )  # fmt: skip
    yield probe(
        "search_certifications",
        "select array_agg(id::text) from public.search_certifications('pers', page_size => 1000)",
        listed, certifications,
    )  # fmt: skip
    asked = ", ".join(f"'{row.id}'" for row in certifications)
    yield Probe(
        "preview_changes", "call",
        "select array_agg(certification_id::text)"
        f" from public.preview_changes('suspend', array[{asked}]::uuid[]) where refusal is null",
        ids([row for row in certifications if may_update(within, row)]), certifications, may_update,
    )  # fmt: skip
    for chapter in (*(chapter.id for chapter in world.chapters), MISSING):
        of_chapter = listed & ids(_certifications_in(world, with_chapters_under(world, [chapter])))
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


def people(within: Reach) -> Iterator[Probe]:
    """Yield what the actor tries with consents, with those who leave, and with the erased."""
    mentors = (*within.world.peer_mentors, PeerMentor(MISSING, MISSING))
    every = ", ".join(f"'{mentor.id}'" for mentor in mentors)
    yield Probe(
        "consent_as_of", "call",
        f"select array_agg(id::text) from unnest(array[{every}]::uuid[]) as id"
        " where public.consent_as_of(id, now()) is not null",
        frozenset(map(str, ids_within(within, mentors))), mentors, may_select,
    )  # fmt: skip
    yield Probe(
        "search_peer_mentors", "call",
        "select array_agg(id::text) from public.search_peer_mentors(with_left => true, page_size => 1000)",
        frozenset(map(str, ids_within(within, mentors))), mentors, may_select,
    )  # fmt: skip
    for mentor in mentors:
        certifies = may_update(within, Certification(MISSING, mentor.organisation_id, mentor.id))
        for function, arguments, allowed in (
            ("set_listing_consent", ", false", certifies or mentor.id in within.own_ids),
            ("peer_mentor_topics", "", certifies or mentor.id in within.own_ids),
            ("set_peer_mentor_topics", ", '{}'", certifies or mentor.id in within.own_ids),
            ("set_contact", ", null, null, null, 'nb'", certifies or mentor.id in within.own_ids),
            ("pause_reminders", ", true", certifies),
            ("write_note", ", 'x', current_date", certifies and mentor.id not in within.own_ids),
            ("mark_left", ", current_date", certifies),
            ("mark_returned", "", certifies),
        ):
            yield Probe(
                function, "call", f"select array['done'] from public.{function}('{mentor.id}'{arguments})",
                DONE if allowed else REFUSED, (mentor,), sent=mentor.id,
            )  # fmt: skip
    # To whom it reminds is for supabase/tests/database.
    yield Probe("remind_now", "call", f"select array['done'] from public.remind_now('{MISSING}')", REFUSED)
    yield Probe(
        "reminders_of", "call",
        f"select array_agg(distinct id::text) from unnest(array[{every}]::uuid[]) as id, public.reminders_of(id) as reminder"
        " where reminder.state is null",
        frozenset(),
    )  # fmt: skip
    left = {mentor.id for mentor in within.world.peer_mentors if mentor.left}
    yield Probe(
        "certifications_on", "call",
        "select array_agg(held.id::text) from public.certifications_on(current_date - 1, page_size => 1000) as held",
        frozenset(
            str(row.id) for row in within.world.certifications
            if may_select(within, row) and row.peer_mentor_id not in left
        ),
    )  # fmt: skip
    # Of which chapters it says something; what, is for tests/integration.
    for figures in ("figures", "course_figures"):
        yield Probe(
            figures, "call",
            "select array_agg(distinct counted.chapter_id::text)"
            f" from public.{figures}(current_date - 1, current_date) as counted where counted.chapter_id is not null",
            frozenset(
                str(chapter.id) for chapter in within.world.chapters
                if chapter.organisation_id == within.organisation_id
                and (within.administers or chapter.id in within.chapter_ids)
            ) if within.administers or within.chapter_ids else REFUSED,
        )  # fmt: skip
    ahead = "public.forecast_coverage(1) as ahead"
    yield Probe(
        "forecast_coverage", "call", f"select array_agg(distinct ahead.chapter_id::text) from {ahead}",
        frozenset(
            str(chapter.id) for chapter in within.world.chapters
            if chapter.organisation_id == within.organisation_id and (within.administers or chapter.id in within.chapter_ids)
        ) if within.administers or within.chapter_ids else REFUSED,
    )  # fmt: skip
    # All of them end within these months.
    yield Probe(
        "forecast_renewals", "call",
        "select array_agg(ahead.certification_id::text) from public.forecast_renewals(24) as ahead",
        frozenset(
            str(row.id) for row in within.world.certifications
            if may_update(within, row) and row.peer_mentor_id not in left
        ) if within.administers or within.chapter_ids else REFUSED,
    )  # fmt: skip
    noted = [
        mentor for mentor in mentors
        if may_update(within, Certification(MISSING, mentor.organisation_id, mentor.id)) and mentor.id not in within.own_ids
    ]  # fmt: skip
    yield Probe(
        "note_responsibles", "call",
        f"select array_agg(distinct id::text) from unnest(array[{every}]::uuid[]) as id, public.note_responsibles(id) as one",
        frozenset(str(mentor.id) for mentor in noted), mentors,
    )  # fmt: skip
    yield Probe(
        "peer_mentor_notes", "call",
        f"select array_agg(note.id::text) from unnest(array[{every}]::uuid[]) as id, public.peer_mentor_notes(id) as note",
        frozenset(),
    )  # fmt: skip
    yield Probe(
        "follow_ups", "call", "select array['done'] from (select count(*) from public.follow_ups(true)) as found", DONE
    )  # fmt: skip
    for function, arguments in (("change_note", ", 'x'"), ("settle_note", ", true"), ("remove_note", "")):
        yield Probe(
            function, "call", f"select array['done'] from public.{function}('{MISSING}'{arguments})", REFUSED,
        )  # fmt: skip
    keeps = within.administers or bool(within.chapter_ids)
    yield Probe(
        "saved_filters", "call", "select array_agg(id::text) from public.saved_filters()", frozenset()
    )
    for shared, allowed in (("false", keeps), ("true", within.administers)):
        yield Probe(
            "save_filter", "call",
            f"select array['done'] from public.save_filter('mentors', 'x', '{{\"q\": \"x\"}}', {shared})",
            DONE if allowed else REFUSED,
        )  # fmt: skip
    for function, arguments in (("rename_filter", ", 'x'"), ("remove_filter", "")):
        yield Probe(
            function, "call", f"select array['done'] from public.{function}('{MISSING}'{arguments})", REFUSED,
        )  # fmt: skip
    yield Probe(
        "merges_of", "call",
        f"select array_agg(merge.id::text) from unnest(array[{every}]::uuid[]) as id, public.merges_of(id) as merge",
        frozenset(),
    )  # fmt: skip
    yield Probe(
        "look_alike_pairs", "call", "select array['done'] from (select count(*) from public.look_alike_pairs()) as pairs",
        DONE if within.administers else REFUSED,
    )  # fmt: skip
    for one, other in zip(mentors, (*mentors[1:], mentors[0]), strict=True):
        administered = {
            within.administers and mentor.organisation_id == within.organisation_id
            and (mentor.organisation_id, mentor.id) not in within.world.hidden
            for mentor in (one, other)
        }  # fmt: skip
        yield Probe(
            "mark_distinct", "call", f"select array['done'] from public.mark_distinct('{one.id}', '{other.id}')",
            DONE if administered == {True} and one != other else REFUSED, (one, other),
        )  # fmt: skip
    yield Probe(
        "organisation_topics",
        "call",
        "select array['done'] from (select count(*) from public.organisation_topics()) as topics",
        DONE,
    )
    yield Probe(
        "certificate_design",
        "call",
        "select array['done'] from (select count(*) from public.certificate_design()) as designs",
        DONE,
    )
    yield Probe(
        "set_certificate_design", "call", "select array['done'] from public.set_certificate_design(null, null, null, true)",
        DONE if within.administers else REFUSED,
    )  # fmt: skip
    for type_ in within.world.certification_types:
        yield Probe(
            "set_type_certificate", "call",
            f"select array['done'] from public.set_type_certificate('{type_.id}', true, null, null)",
            DONE if may_update(within, type_) else REFUSED, (type_,), sent=type_.id,
        )  # fmt: skip
    yield Probe(
        "save_organisation_topic", "call",
        "select array['done'] from public.save_organisation_topic(null, 'topic', 'Et', 'One')",
        DONE if within.administers else REFUSED,
    )  # fmt: skip
    for chapter in (*within.world.chapters, Chapter(MISSING, MISSING, None)):
        yield Probe(
            "set_chapter_contact", "call",
            f"select array['done'] from public.set_chapter_contact('{chapter.id}', null, null, null, null)",
            DONE if chapter.id in within.chapter_ids or may_update(within, chapter) else REFUSED, (chapter,), sent=chapter.id,
        )  # fmt: skip
    yield Probe(
        "readmit_erased", "call", "select public.readmit_erased('nobody', null, 'why')",
        "MC008" if within.administers else REFUSED, afterwards=AS_DONE,
    )  # fmt: skip


def requests(within: Reach) -> Iterator[Probe]:
    """Yield what the actor tries with requests for renewals."""
    left = {mentor.id for mentor in within.world.peer_mentors if mentor.left}
    for row in (*within.world.certifications, Certification(MISSING, MISSING, MISSING)):
        yield Probe(
            "request_renewal", "call",
            f"select array['done'] from public.request_renewal('{row.id}', 'x', current_date)",
            DONE if may_ask(within, row) and row.peer_mentor_id not in left else REFUSED, (row,), sent=row.id,
        )  # fmt: skip
    yield Probe(
        "renewal_requests", "call",
        "select array['done'] from (select count(*) from public.renewal_requests(only_open => false)) as found", DONE,
    )  # fmt: skip
    for function, arguments in (
        ("answer_renewal_request", ", 'x'"),
        ("withdraw_renewal_request", ""),
        ("ask_back_renewal_request", ", 'x'"),
        ("refuse_renewal_request", ", 'x'"),
        ("approve_renewal_request", ""),
    ):
        yield Probe(
            function, "call", f"select array['done'] from public.{function}('{MISSING}'{arguments})", REFUSED,
        )  # fmt: skip


def courses(within: Reach) -> Iterator[Probe]:
    """Yield what the actor tries with courses; the worlds have none, so whose they are is seen by who may plan them."""
    for chapter in (*within.world.chapters, Chapter(MISSING, MISSING, None)):
        manages = within.administers or chapter.id in within.chapter_ids
        within_organisation = chapter.organisation_id == within.organisation_id
        allowed = DONE if within_organisation or not within.administers else "MC008"
        yield Probe(
            "plan_course", "call",
            "select array['done'] from public.plan_course"
            f"('course', 'x', '{{{TYPE_CODES[0]}}}', array[current_date], chapter_ids => array['{chapter.id}']::uuid[])",
            allowed if manages else REFUSED, (chapter,), sent=chapter.id,
        )  # fmt: skip
    for function, arguments in (
        ("change_course", f", 'course', 'x', '{{{TYPE_CODES[0]}}}', array[current_date]"),
        ("cancel_course", ", 'x'"),
        ("sign_up_for_course", ""),
        ("sign_up_people_for_course", f", array['{MISSING}']::uuid[]"),
        ("withdraw_from_course", ""),
        ("set_course_attendance", f", array['{MISSING}']::uuid[]"),
        ("preview_course_closing", ""),
        ("close_course", ", 'x'"),
        ("reopen_course", ", 'x'"),
    ):
        yield Probe(
            function, "call", f"select array['done'] from public.{function}('{MISSING}'{arguments})", REFUSED,
        )  # fmt: skip
    for call, outcome in (
        ("courses()", DONE), ("course_responsibles()", DONE), (f"course_sign_ups('{MISSING}')", DONE),
        (f"missing_for_course('{MISSING}')", REFUSED),
    ):  # fmt: skip
        function, _, _ = call.partition("(")
        yield Probe(
            function,
            "call",
            f"select array['done'] from (select count(*) from public.{call}) as found",
            outcome,
        )


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
    for type_ in world.rows("certification_types"):
        for name, fingerprint, done in (
            ("preview_consequences", "", DONE), ("confirm_consequences", "fingerprint => '', ", "PT409")
        ):  # fmt: skip
            yield Probe(
                name, "call", f"select public.{name}('change_type', {fingerprint}subject => '{type_.id}')",
                done if may_update(within, type_) else REFUSED, sent=type_.id, afterwards=AS_DONE,
            )  # fmt: skip


def _certifications_in(world: World, chapters: Iterable[UUID]) -> list[Certification]:
    mentors = {mentor for chapter in chapters for mentor in world.peer_mentors_in.get(chapter, ())}
    return [row for row in world.certifications if row.peer_mentor_id in mentors]
