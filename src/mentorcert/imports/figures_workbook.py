"""Figures as an Excel workbook: by type, by chapter and both, of courses by kind, too, and what they mean."""

import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from mentorcert.certifications import course_figures
from mentorcert.certifications.course_figures import CourseFigures
from mentorcert.certifications.figures import DEFINITIONS, HEADINGS, MASKED, Figures, Period
from mentorcert.imports.cells import Cell, Language, escape_formula
from mentorcert.imports.workbook import Sheet, write_xlsx
from mentorcert.organisations.chapters import Chapter, tree
from mentorcert.organisations.types import CertificationType, by_name
from mentorcert.translatable import LazyText
from mentorcert.translations import translations

Key = tuple[str | None, UUID | None]
Found = tuple[Sequence[Figures], Sequence[CourseFigures]]
_Line = tuple[Sequence[str], Key]


@dataclass(frozen=True, slots=True)
class Naming:
    """What the organisation, its types and its chapters are called."""

    organisation: str
    types: Sequence[CertificationType]
    chapters: Sequence[Chapter]


def figures_workbook(period: Period, found: Found, naming: Naming, language: Language, today: date) -> bytes:
    """Return the figures of a period as .xlsx; a masked number is an empty cell."""
    _ = translations(language).gettext
    of_people, of_courses = found
    types = {one.code: one.name(language) for one in by_name(naming.types, language)}
    chapters = dict(_paths(naming.chapters))
    all_chapters = _("All chapters")
    by_type: list[_Line] = [
        ([_("All types")], (None, None)), *(([name], (code, None)) for code, name in types.items())
    ]  # fmt: skip
    by_chapter: list[_Line] = [
        ([all_chapters], (None, None)), *(([name], (None, id_)) for id_, name in chapters.items())
    ]  # fmt: skip
    each: list[_Line] = [
        ([types[code], name], (code, id_)) for code in types for id_, name in chapters.items()
    ]
    table = _Table(
        _, HEADINGS.values(), {(one.certification_type, one.chapter_id): one.numbers for one in of_people}
    )
    courses = _Table(_, course_figures.HEADINGS.values(), {one.key: one.numbers for one in of_courses})
    kinds = {kind: _(name) for kind, name in course_figures.KINDS.items()}
    sheets = [
        table.sheet(_("By type"), by_type, _("Certification")),
        table.sheet(_("By chapter"), by_chapter, _("Chapter")),
        table.sheet(_("Type and chapter"), each, _("Certification"), _("Chapter")),
        courses.sheet(_("Courses"), [([name], (kind, None, None)) for kind, name in kinds.items()], _("Kind")),
        courses.sheet(_("Courses by type"), [(names, (None, *key)) for names, key in by_type], _("Certification")),
        courses.sheet(_("Courses by chapter"), [(names, (None, *key)) for names, key in by_chapter], _("Chapter")),
        courses.sheet(
            _("Courses, each"),
            [([kinds[kind], *names], (kind, *key)) for kind in kinds if kind for names, key in each],
            _("Kind"), _("Certification"), _("Chapter"),
        ),
        Sheet(_("Definitions"), _definitions(naming.organisation, period, language, today), widths=[24, 120]),
    ]  # fmt: skip
    content = io.BytesIO()
    # What is masked says nothing of a type in a chapter.
    write_xlsx(
        [sheet for place, sheet in enumerate(sheets) if not (period.masked and place in {2, 6})], content
    )
    return content.getvalue()


def definitions(_: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    """Yield what each number means, those of courses after those of people."""
    for name, text in DEFINITIONS.items():
        yield _(name), _(text)
    for name, text in course_figures.DEFINITIONS.items():
        yield f"{_('Courses')}: {_(name)}", _(text)


@dataclass(frozen=True, slots=True)
class _Table:
    """Numbers by what they are of, under their headings."""

    gettext: Callable[[str], str]
    headings: Iterable[LazyText]
    numbers: Mapping[tuple[object, ...], Sequence[int | None]]

    def sheet(
        self, title: str, lines: Sequence[tuple[Sequence[str], tuple[object, ...]]], *columns: str
    ) -> Sheet:
        """Return a sheet of those lines that have numbers."""
        return Sheet(title, self._rows(lines, columns), widths=[40] * len(columns))

    def _rows(
        self, lines: Sequence[tuple[Sequence[str], tuple[object, ...]]], columns: Sequence[str]
    ) -> Iterator[list[Cell]]:
        yield [*columns, *map(self.gettext, self.headings)]
        for names, key in lines:
            if key in self.numbers:
                cells = ("" if number is None else number for number in self.numbers[key])
                yield [*map(escape_formula, names), *cells]


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
        yield [_("Public version"), f"{_(MASKED)} {_(course_figures.MASKED)}"]
    yield from map(list, definitions(_))
