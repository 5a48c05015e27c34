"""What the checks of an import say: the reason, and what to do; checking.sql finds the problems."""

from typing import Final

from mentorcert.wording import Sentence

TEXTS: Final = {
    "chapter_unknown": (
        Sentence("the organisation has no chapter “{}”"),
        Sentence("write a chapter's code or name, or add the chapter to the organisation first"),
    ),
    "chapter_ambiguous": (
        Sentence("several chapters are called “{}”"),
        Sentence("write the chapter's code"),
    ),
    "type_unknown": (
        Sentence("the organisation has no certification type “{}”"),
        Sentence("write a type's code or name, or add the type to the organisation first"),
    ),
    "type_ambiguous": (
        Sentence("several certification types are called “{}”"),
        Sentence("write the type's code"),
    ),
    "issued_in_future": (
        Sentence("the day lies in the future"),
        Sentence("write the day on which it was issued"),
    ),
    "person_differs": (
        Sentence("line {} says something else about the same person"),
        Sentence("write the same on every line of the person"),
    ),
    "external_id_case": (
        Sentence("it differs from “{}” in upper and lower case only"),
        Sentence("write both alike if they are one person, and more unlike if they are two"),
    ),
    "certification_twice": (
        Sentence("line {} says something else about the same certification"),
        Sentence("keep one of the lines and write earlier periods under past renewals"),
    ),
    "type_is_limited": (
        Sentence("a certification of the type “{}” has an end"),
        Sentence("write the last valid day, or nothing: the type's rule then gives it"),
    ),
    "type_is_unlimited": (
        Sentence("a certification of the type “{}” has no end"),
        Sentence("leave the cell empty"),
    ),
    "older_than_registry": (
        Sentence("the registry has a newer renewal, of {}"),
        Sentence("write that day, or take the line out; an import turns no renewal back"),
    ),
    "would_shorten": (
        Sentence("the registry has it valid to {}"),
        Sentence(
            "leave the cell empty to keep that, or correct it in the registry; an import shortens nothing"
        ),
    ),
    "superseded": (
        Sentence("the registry said this before and was changed since"),
        Sentence("write what the registry says now, or take the line out; an import takes no change back"),
    ),
    "stays_suspended": (
        Sentence("the certification is suspended and stays so"),
        Sentence("nothing, or reinstate it in the registry: its days are taken over"),
    ),
    "past_unknown": (
        Sentence("the registry's history of this certification lacks what began on {}"),
        Sentence("nothing: past renewals count with a new certification only"),
    ),
}
WARNINGS: Final = frozenset({"past_unknown", "stays_suspended"})
