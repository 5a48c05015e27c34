"""What types, chapters and days are called on the pages of an organisation."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from mentorcert.db.rows import Answer
from mentorcert.organisations import chapters, types
from mentorcert.organisations.chapters import Chapter
from mentorcert.organisations.types import CertificationType
from mentorcert.translations import Language
from mentorcert.web.context import RequestContext
from mentorcert.web.rendering.templating import day_of, environment


@dataclass(frozen=True)
class Names:
    """The words of one organisation in one language; what is unknown is called by its code, or not at all."""

    language: Language
    time_zone: str
    sent_types: Answer[list[CertificationType]]
    sent_chapters: Answer[list[Chapter]]

    @cached_property
    def types(self) -> dict[str, str]:
        """What each type is called."""
        return {type_.code: type_.name(self.language) for type_ in self.sent_types.value}

    @cached_property
    def retired(self) -> frozenset[str]:
        """The codes of the types that are retired."""
        return frozenset(type_.code for type_ in self.sent_types.value if type_.retired_on is not None)

    @property
    def chapters(self) -> list[Chapter]:
        """The chapters by name."""
        return self.sent_chapters.value

    def type(self, code: str | None) -> str:
        """Return what a certification type is called."""
        return self.types.get(code or "", code or "")

    def types_of(self, codes: Iterable[str]) -> list[str]:
        """Return what the certification types are called, in the order of the codes."""
        return [self.type(code) for code in codes]

    def first_day(self, issued_at: datetime) -> date:
        """Return the day on which a certification was issued or renewed."""
        return day_of(issued_at, self.time_zone)

    def chapters_of(self, chapter_ids: Iterable[UUID]) -> list[str]:
        """Return what the chapters are called, in the order of their names."""
        found = sorted(self._placed[id_] for id_ in chapter_ids if id_ in self._placed)
        return [name for _, name in found]

    @cached_property
    def _placed(self) -> dict[UUID, tuple[int, str]]:
        """The place of each chapter in the order of names, and its name: a page asks once, and for every row."""
        return {chapter.id: (place, chapter.name) for place, chapter in enumerate(self.chapters)}

    def type_options(self, empty: str | None = None) -> list[tuple[str, str]]:
        """Return the choices of a field, by name."""
        named = types.by_name(self.sent_types.value, self.language)
        return [
            *([("", empty)] if empty is not None else []),
            *((type_.code, type_.name(self.language)) for type_ in named),
        ]

    def chapter_groups(self, own: str, others: str) -> list[tuple[str, list[Chapter]]]:
        """Return the chapters in use, the caller's own first, then county by county with what lies under each."""
        groups: dict[str, list[Chapter]] = {own: [one for one in self.open_chapters if one.is_coordinated]}
        below = {chapter.parent_id for chapter in self.open_chapters}
        county = others
        for depth, chapter in chapters.tree(self.open_chapters):
            if depth == 0:
                county = chapter.name if chapter.id in below else others
            if not chapter.is_coordinated:
                groups.setdefault(county, []).append(chapter)
        last = groups.pop(others, [])
        return [(name, found) for name, found in [*groups.items(), (others, last)] if found]

    @cached_property
    def open_chapters(self) -> list[Chapter]:
        """The chapters that are not retired."""
        return [chapter for chapter in self.chapters if chapter.retired_on is None]


def names_of(context: RequestContext) -> Names:
    """Ask for the words of the visitor's organisation: first, so that they come with what the page asks for."""
    _, organisation = context.member()
    return Names(
        context.language,
        organisation.time_zone,
        context.ahead(types.of_organisation, organisation.id),
        context.ahead(chapters.of_organisation, organisation.id),
    )


def today_of(context: RequestContext) -> date:
    """Return today in the visitor's organisation."""
    return datetime.now(ZoneInfo(time_zone_of(context))).date()


def time_zone_of(context: RequestContext) -> str:
    """Return the time zone of the visitor's organisation."""
    return context.member()[1].time_zone


def written(context: RequestContext, filter_: str, *values: Any) -> str:
    """Write a value as the templates do."""
    write: Callable[..., object] = environment(context.language).filters[filter_]
    return str(write(*values))
