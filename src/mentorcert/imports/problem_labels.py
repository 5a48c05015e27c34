"""What the checks of an import say: the reason, and what to do; checking.sql finds the problems."""

from typing import Final

from mentorcert.translatable import LazyText

TEXTS: Final = {
    "chapter_unknown": (
        LazyText("the organisation has no chapter “{}”"),
        LazyText("write a chapter's code or name, or add the chapter to the organisation first"),
    ),
    "chapter_ambiguous": (
        LazyText("several chapters are called “{}”"),
        LazyText("write the chapter's code"),
    ),
    "type_unknown": (
        LazyText("the organisation has no certification type “{}”"),
        LazyText("write a type's code or name, or add the type to the organisation first"),
    ),
    "type_ambiguous": (
        LazyText("several certification types are called “{}”"),
        LazyText("write the type's code"),
    ),
    "chapter_retired": (
        LazyText("the chapter “{}” is retired"),
        LazyText("write another chapter, or take this one into use again"),
    ),
    "type_retired": (
        LazyText("the certification type is retired since {}"),
        LazyText("write a day before it, or leave the row out"),
    ),
    "issued_in_future": (
        LazyText("the day lies in the future"),
        LazyText("write the day on which it was issued"),
    ),
    "person_differs": (
        LazyText("line {} says something else about the same person"),
        LazyText("write the same on every line of the person"),
    ),
    "external_id_case": (
        LazyText("it is read as “{}”, which differs in upper and lower case only"),
        LazyText("nothing, if they are one person; two persons need two numbers"),
    ),
    "number_repaired": (
        LazyText("it is read as “{}”, the number of a person of the same name in the registry"),
        LazyText("nothing; spreadsheets take leading zeros away, so keep the column as text"),
    ),
    "number_looks_like": (
        LazyText("it is new, but differs from “{}” in zeros or spaces only"),
        LazyText("write that number if they are one person; nothing, if they are two"),
    ),
    "person_looks_like": (
        LazyText("it is new, but “{}” has the same name and e-mail address"),
        LazyText("write that number if they are one person; nothing, if they are two"),
    ),
    "number_signs": (
        LazyText("it has signs that a number cannot have"),
        LazyText("type it again with the letters a to å, digits and ordinary signs"),
    ),
    "text_empty": (LazyText("it is empty"), LazyText("fill it in")),
    "text_long": (
        LazyText("it is too long"),
        LazyText("write a name of at most 200 characters, a number of at most 100"),
    ),
    "text_unreadable": (
        LazyText("it contains a character that cannot be read"),
        LazyText("type it again; the file may have been saved in another encoding"),
    ),
    "email_invalid": (
        LazyText("it is not an e-mail address"),
        LazyText("write one address, such as kari@example.org, or leave it empty"),
    ),
    "phone_invalid": (
        LazyText("it is not a telephone number"),
        LazyText("write digits, perhaps with + and spaces, or leave it empty"),
    ),
    "person_erased": (
        LazyText("a person with this number or address was erased"),
        LazyText(
            "take the row out; if the person came back, an administrator readmits the number with a reason"
        ),
    ),
    "person_merged": (
        LazyText("this number was merged into number {}"),
        LazyText("write that number, or take the row out"),
    ),
    "number_reserved": (
        LazyText("numbers that begin with “erased-” stand for erased people"),
        LazyText("take the row out, or write another number"),
    ),
    "consent_withdrawn": (
        LazyText("the person withdrew the consent on {}, and it stays withdrawn"),
        LazyText("nothing; if the person consents again, record it on the person's page"),
    ),
    "certification_twice": (
        LazyText("line {} says something else about the same certification"),
        LazyText("keep one of the lines and write earlier periods under past renewals"),
    ),
    "type_is_limited": (
        LazyText("a certification of the type “{}” has an end"),
        LazyText("write the last valid day, or nothing: the type's rule then gives it"),
    ),
    "type_is_unlimited": (
        LazyText("a certification of the type “{}” has no end"),
        LazyText("leave the cell empty"),
    ),
    "older_than_registry": (
        LazyText("the registry has a newer renewal, of {}"),
        LazyText("write that day, or take the line out; an import turns no renewal back"),
    ),
    "needs_course": (
        LazyText("a refresher renewed it until {}; after that it takes the whole course"),
        LazyText(
            "renew it in the registry, where you say that it is based on the course, or take the line out"
        ),
    ),
    "needs_registration": (
        LazyText("a refresher renewed it until {}; after that it takes a new registration"),
        LazyText("renew it in the registry, where you say that it is newly registered, or take the line out"),
    ),
    "would_shorten": (
        LazyText("the registry has it valid to {}"),
        LazyText(
            "leave the cell empty to keep that, or correct it in the registry; an import shortens nothing"
        ),
    ),
    "far_beyond_rule": (
        LazyText("it lies far beyond what the type gives, which is {}"),
        LazyText("look for a typing error in the year"),
    ),
    "beyond_rule": (
        LazyText("it lies beyond what the type gives, which is {}"),
        LazyText("nothing, if it was extended; else leave the cell empty"),
    ),
    "superseded": (
        LazyText("the registry said this before and was changed since"),
        LazyText("write what the registry says now, or take the line out; an import takes no change back"),
    ),
    "stays_suspended": (
        LazyText("the certification is suspended and stays so"),
        LazyText("nothing, or reinstate it in the registry: its days are taken over"),
    ),
    "past_unknown": (
        LazyText("the registry's history of this certification lacks what began on {}"),
        LazyText("nothing: past renewals count with a new certification only"),
    ),
}
WARNINGS: Final = frozenset(
    {
        "consent_withdrawn",
        "beyond_rule",
        "past_unknown",
        "stays_suspended",
        "external_id_case",
        "number_repaired",
        "number_looks_like",
        "person_looks_like",
    }
)
