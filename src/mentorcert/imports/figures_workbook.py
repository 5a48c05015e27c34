"""Figures as an Excel workbook: by type, by chapter, each type in each chapter, and on a sheet of its own what they mean."""

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from mentorcert.certifications.figures import DEFINITIONS, HEADINGS, MASKED, Figures, Period
from mentorcert.imports.cells import Cell, Language, escape_formula
from mentorcert.imports.workbook import Sheet, write_xlsx
from mentorcert.organisations.chapters import Chapter, tree
from mentorcert.organisations.types import CertificationType
from mentorcert.translations import translations

Key = tuple[str | None, UUID | None]


@dataclass(frozen=True, slots=True)
class Naming:
    """What the organisation, its types and its chapters are called."""

    organisation: str
    types: Sequence[CertificationType]
    chapters: Sequence[Chapter]


def figures_workbook(
    period: Period, found: Sequence[Figures], naming: Naming, language: Language, today: date
) -> bytes:
    """Return the figures of a period as .xlsx; a masked number is an empty cell."""
    _ = translations(language).gettext
    numbers = {(one.certification_type, one.chapter_id): one.numbers for one in found}
    types = {one.code: one.name_nb if language == "nb" else one.name_en for one in naming.types}
    codes = sorted(types, key=lambda code: types[code].casefold())
    chapters = dict(_paths(naming.chapters))
    headings = [_(heading) for heading in HEADINGS.values()]

    def lines(keys: Iterable[tuple[Sequence[str], Key]], *columns: str) -> Iterator[list[Cell]]:
        yield [*columns, *headings]
        for names, key in keys:
            if key in numbers:
                cells = ("" if number is None else number for number in numbers[key])
                yield [*map(escape_formula, names), *cells]

    by_type: list[tuple[Sequence[str], Key]] = [
        ([_("All types")], (None, None)), *(([types[code]], (code, None)) for code in codes)
    ]  # fmt: skip
    by_chapter: list[tuple[Sequence[str], Key]] = [
        ([_("All chapters")], (None, None)), *(([name], (None, id_)) for id_, name in chapters.items())
    ]  # fmt: skip
    each: list[tuple[Sequence[str], Key]] = [
        ([types[code], name], (code, id_)) for code in codes for id_, name in chapters.items()
    ]
    sheets = [
        Sheet(_("By type"), lines(by_type, _("Certification")), widths=[40]),
        Sheet(_("By chapter"), lines(by_chapter, _("Chapter")), widths=[40]),
        Sheet(_("Type and chapter"), lines(each, _("Certification"), _("Chapter")), widths=[40, 40]),
        Sheet(_("Definitions"), _definitions(naming.organisation, period, language, today), widths=[24, 120]),
    ]
    content = io.BytesIO()
    # What is masked says nothing of a type in a chapter.
    write_xlsx([sheet for sheet in sheets if not (period.masked and sheet is sheets[2])], content)
    return content.getvalue()


def _paths(chapters: Sequence[Chapter]) -> Iterator[tuple[UUID, str]]:
    """Yield of each chapter its name, after those above it."""
    above: list[str] = []
    for depth, chapter in tree(chapters):
        above = [*above[:depth], chapter.name]
        yield chapter.id, " / ".join(above)


def _definitions(organisation: str, period: Period, language: Language, today: date) -> Iterator[list[Cell]]:
    _ = translations(language).gettext
    yield [_("Organisation"), escape_formula(organisation)]
    yield [_("First day"), period.first_day]
    yield [_("Last day"), period.last_day]
    yield [_("As known on"), period.known_on or today]
    if period.masked:
        yield [_("Public version"), _(MASKED)]
    for name, text in DEFINITIONS.items():
        yield [_(name), _(text)]
