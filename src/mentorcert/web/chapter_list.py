"""Lists of chapters: county by county, folded where there are many, or those that a search finds."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from pydantic import BaseModel

from mentorcert.web.coordinator.chapter_choices import key
from mentorcert.web.fields import SearchText

# More than these are found by their county or by a search, and not by scrolling.
_UNFOLDED_AT_MOST: Final = 25


class _Chapter(Protocol):
    @property
    def code(self) -> str: ...
    @property
    def name(self) -> str: ...


T = TypeVar("T")
C = TypeVar("C", bound=_Chapter)


class ChapterQuery(BaseModel):
    """What the address of such a list asks for."""

    q: SearchText = None


@dataclass(frozen=True, slots=True)
class ChapterList(Generic[T]):
    """The groups of a list, or (`found`) what the search finds, in no group; `total` is how many there are."""

    groups: Sequence[tuple[str, Sequence[T]]]
    found: Sequence[T] | None
    total: int

    @property
    def is_long(self) -> bool:
        """Whether groups are folded."""
        return self.total > _UNFOLDED_AT_MOST


def chapter_list(
    every: Iterable[C], query: ChapterQuery, county: Callable[[C], str], others: str
) -> ChapterList[C]:
    """Return the list of what the visitor sees; what is alone in its county stands last, under `others`."""
    chapters = list(every)
    if query.q:
        words = key(query.q).split()
        found = [one for one in chapters if all(word in key(f"{one.name} {one.code}") for word in words)]
        return ChapterList([], found, len(chapters))
    groups: dict[str, list[C]] = {}
    for chapter in chapters:
        groups.setdefault(county(chapter), []).append(chapter)
    alone = [members[0] for members in groups.values() if len(members) == 1]
    counties = [(name, members) for name, members in groups.items() if len(members) > 1]
    return ChapterList([*counties, (others, alone)] if alone else counties, None, len(chapters))
