"""Guards of figures, and the pgTAP file that must notice they are gone."""

from typing import Final

from tests.support.mutations import Mutation, function

_FIGURES: Final = "public.figures(date,date,date,boolean)"
_CHECK: Final = "mentorcert_private.check_figures(uuid,date,date,date)"
_COUNT: Final = "mentorcert_private.count_figures(uuid,uuid[],date,date,date)"
_MASK: Final = "mentorcert_private.mask_numbers(jsonb)"
_COURSES: Final = "public.course_figures(date,date,date,boolean)"
_COUNT_COURSES: Final = "mentorcert_private.count_course_figures(uuid,uuid[],date,date,date)"
_MASK_COURSES: Final = "mentorcert_private.mask_course_figures(uuid,uuid[],date,date,date)"


def _guard(signature: str, guard: str, instead: str = "") -> Mutation:
    return function("figures", signature, guard, instead)


def _course_guard(signature: str, guard: str, instead: str = "") -> Mutation:
    return function("course_figures", signature, guard, instead)


MUTATIONS: Final = [
    # Of whom
    _guard(_FIGURES, "perform mentorcert_private.check_endpoint('certifications');"),
    _guard(_FIGURES, "reach = '{}'", "false"),
    _guard(
        _FIGURES,
        "case when administered is null then mentorcert_private.coordinated_chapter_ids() end",
        "null",
    ),
    _guard(_COUNT, "and (reach is null or lineage.above_id = any(reach))"),
    _guard(_COUNT, "where reach is null or persons.person_id in (select places.person_id from places)"),
    _guard(_COUNT, "and (reach is null or chapter.id = any(reach))"),
    # What is refused
    _guard(_COUNT, "perform mentorcert_private.check_figures(organisation, first_day, last_day, known_on);"),
    _guard(_CHECK, "perform mentorcert_private.require_instants(", "perform ("),
    _guard(_CHECK, "(first_day <= last_day) is not true", "false"),
    _guard(_CHECK, "not mentorcert_private.is_kept('audit_log', known_at)", "false"),
    # What is handed out
    _guard(_FIGURES, "if masked then", "if false then"),
    _guard(_MASK, "cell.number between 1 and 4", "false"),
    _guard(_MASK, "cell.number - cell.number % 5", "cell.number"),
    # Of courses
    _course_guard(_COURSES, "perform mentorcert_private.check_endpoint('certifications');"),
    _course_guard(_COURSES, "reach = '{}'", "false"),
    _course_guard(
        _COURSES,
        "case when administered is null then mentorcert_private.coordinated_chapter_ids() end",
        "null",
    ),
    _course_guard(_COURSES, "if masked then", "if false then"),
    _course_guard(_COUNT_COURSES, "where reach is null or above.id = any(reach)"),
    _course_guard(_COUNT_COURSES, "where reach is null or planned.id in (select places.id from places)"),
    _course_guard(_COUNT_COURSES, "and (reach is null or chapter.id = any(reach))"),
    _course_guard(
        _COUNT_COURSES,
        "perform mentorcert_private.check_figures(organisation, first_day, last_day, known_on);",
    ),
    _course_guard(
        _MASK_COURSES,
        "case when masked.numbers[1] is not null then masked.numbers[4] end",
        "masked.numbers[4]",
    ),
]
