"""One search for everything that has a name: people, certification types, chapters, and pages of help."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Response

from mentorcert.organisations import finding
from mentorcert.organisations.finding import Hit, Kind
from mentorcert.translatable import LazyText
from mentorcert.web.context import CurrentCoordinator, RequestContext
from mentorcert.web.coordinator.chapter_choices import key
from mentorcert.web.coordinator.display_names import names_of
from mentorcert.web.fields import SearchText
from mentorcert.web.guides.contents import GUIDES, Audience
from mentorcert.web.page_form import PageForm

router = APIRouter()

_SIZE: Final = 10
_HEADINGS: Final[Mapping[Kind, LazyText]] = {
    "person": LazyText("Peer mentors"),
    "type": LazyText("Certification types"),
    "chapter": LazyText("Chapters"),
    "help": LazyText("Help"),
}
# How much of a word must be right to be taken for another one, and how long it must be.
_ALIKE: Final = 0.8
_SHORTEST: Final = 4


class SearchQuery(PageForm):
    """What is searched for."""

    q: SearchText = None


@dataclass(frozen=True, slots=True)
class Group:
    """What was found of one kind: the first of them, how many there are, and where all of them stand."""

    heading: str
    number: int
    hits: Sequence[tuple[str, Hit]]
    every: str | None


@router.get("/search")
def search(context: CurrentCoordinator, query: Annotated[SearchQuery, Query()]) -> Response:
    """Show what was found, by kind; without a word, the form alone."""
    typed = " ".join((query.q or "").split())
    found: Sequence[Hit] = ()
    if typed:
        found = finding.everywhere(
            context.conn, typed, language=context.language, size=_SIZE, pages=_pages_of_help(context)
        )
    groups = [_group(context, kind, typed, [hit for hit in found if hit.kind == kind]) for kind in _HEADINGS]
    return context.page(
        "coordinator/search.html",
        typed=typed,
        groups=[group for group in groups if group.hits],
        number=sum(group.number for group in groups),
        meant=_meant(context, typed) if typed and not found else [],
    )


def _meant(context: RequestContext, typed: str) -> list[str]:
    """Return words of types, chapters in reach and the help that are written almost so; no names of people."""
    names = names_of(context)
    known = [*_pages_of_help(context).values(), *(name for _, name in names.type_options())]
    every = "org_admin" in context.roles
    known += [chapter.name for chapter in names.open_chapters if every or chapter.is_coordinated]
    words = {key(word): word for name in known for word in (*name.split(), name) if len(word) >= _SHORTEST}
    return [words[one] for one in get_close_matches(key(typed), words, cutoff=_ALIKE)]


def _group(context: RequestContext, kind: Kind, typed: str, hits: Sequence[Hit]) -> Group:
    number = hits[0].number if hits else 0
    every = {
        "person": f"/mentors?{urlencode({'q': typed, 'left': 'true'})}",
        "type": "/admin/types" if "org_admin" in context.roles else None,
        "chapter": "/chapters",
        "help": "/help",
    }
    return Group(
        context._(_HEADINGS[kind]),
        number,
        [(_path(hit), hit) for hit in hits],
        every[kind] if number > len(hits) else None,
    )


def _path(hit: Hit) -> str:
    match hit.kind:
        case "person":
            return f"/mentors/{hit.key}"
        case "type":
            return f"/certifications?{urlencode({'type': hit.key})}"
        case "chapter":
            return f"/mentors?{urlencode({'chapter': hit.key})}"
        case "help":
            return hit.key


def _pages_of_help(context: RequestContext) -> dict[str, str]:
    """Return what each task of the reader's guides is called, by its place on the page."""
    audiences: list[Audience] = ["coordinator"]
    if "org_admin" in context.roles:
        audiences.append("administrator")
    if "peer_mentor" in context.roles:
        audiences.append("mentor")
    return {
        f"/help/{audience}#{place}": context._(task.title)
        for audience in audiences
        for place, task in enumerate(GUIDES[audience].tasks, 1)
    }
