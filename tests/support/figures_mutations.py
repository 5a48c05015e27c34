"""Guards of figures, and the pgTAP file that must notice they are gone."""

from typing import Final

from tests.support.mutations import Mutation, function

_FIGURES: Final = "public.figures(date,date,date,boolean)"
_CHECK: Final = "mentorcert_private.check_figures(uuid,date,date,date)"
_COUNT: Final = "mentorcert_private.count_figures(uuid,uuid[],date,date,date)"
_MASK: Final = "mentorcert_private.mask_figures(uuid,uuid[],date,date,date)"


def _guard(signature: str, guard: str, instead: str = "") -> Mutation:
    return function("figures", signature, guard, instead)


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
]
