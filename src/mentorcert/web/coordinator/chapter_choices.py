"""The chapters as a choice: a coordinator's own, or all of them county by county with the own ones first; of many, by name."""

import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol
from uuid import UUID

from mentorcert.organisations.chapters import Chapter
from mentorcert.web.context import RequestContext
from mentorcert.web.coordinator.display_names import Names

Groups = list[tuple[str, list[tuple[str, str]]]]

# Of more than these, nobody finds one by scrolling.
_SCROLLED_AT_MOST: Final = 25
# What is written otherwise where a keyboard lacks the letter, and is no accent.
_LETTERS: Final = str.maketrans({"æ": "ae", "ø": "o", "đ": "d", "ŧ": "t", "ŋ": "n"})


@dataclass(frozen=True, slots=True)
class ChapterChoice:
    """The field of a filter: a list of `groups`, or (`is_typed`) a text with these as suggestions.

    `found` is what was typed, to be asked for by its id; `errors` say what else came of it.
    """

    groups: Groups
    is_typed: bool = False
    name: str = ""
    suggestions: list[tuple[str, str]] = field(default_factory=list)
    found: str | None = None
    errors: Mapping[str, str] = field(default_factory=dict)


class _Query(Protocol):
    chapter: UUID | None
    chapter_name: str | None


def chapter_choice(context: RequestContext, names: Names, query: _Query) -> ChapterChoice:
    """Return the field of a filter, with what was typed or chosen in it."""
    groups = chapter_filter(context, names)
    if sum(len(members) for _, members in groups) <= _SCROLLED_AT_MOST:
        return ChapterChoice(groups)
    labels = _labels(groups)
    typed = (query.chapter_name or "").strip()
    by_name = ChapterChoice(
        groups,
        is_typed=True,
        name=typed or labels.get(str(query.chapter), ""),
        suggestions=[(label, label) for label in labels.values()],
    )
    if not typed:
        return by_name
    exact = [id_ for id_, label in labels.items() if key(label) == key(typed)]
    words = key(typed).split()
    found = exact or [id_ for id_, label in labels.items() if all(word in key(label) for word in words)]
    if len(found) == 1:
        return ChapterChoice(groups, found=found[0])
    if not found:
        error = context._("No chapter has this name. Write a part of it, or leave the field empty.")
        return ChapterChoice(groups, True, typed, by_name.suggestions, errors={"chapter_name": error})
    some = [(group, [one for one in members if one[0] in found]) for group, members in groups]
    return ChapterChoice(
        [(group, members) for group, members in some if members],
        errors={"chapter": context._("Several chapters match “%(name)s”. Choose one.", name=typed)},
    )


def _labels(groups: Groups) -> dict[str, str]:
    """Return what each chapter is called, with its county where another one has the same name."""
    times = Counter(name for _, members in groups for _, name in members)
    return {
        id_: name if times[name] == 1 else f"{name} ({group})"
        for group, members in groups
        for id_, name in members
    }


def key(text: str) -> str:
    """Return a text as it is compared: Bo and Boe find Bø."""
    plain = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS)).replace("oe", "o")
    return " ".join(
        "".join(one for one in plain if not unicodedata.combining(one)).replace("aa", "a").split()
    )


def chapter_filter(context: RequestContext, names: Names) -> Groups:
    """Return the groups of a filter; others than the own chapters show a coordinator nobody."""
    groups = grouped(context, names)
    own = context._("Your chapters")
    if "org_admin" not in context.roles:
        groups = [(name, found) for name, found in groups if name == own]
    return [(name, [(str(chapter.id), chapter.name) for chapter in found]) for name, found in groups]


def grouped(context: RequestContext, names: Names) -> list[tuple[str, list[Chapter]]]:
    """Return the chapters in use in their groups."""
    return names.chapter_groups(context._("Your chapters"), context._("Other chapters"))
