"""The comparison of a document's console with what is printed, and the list of banned phrases."""

import pytest

from tests.support.documents import DOCUMENTS, Block, assert_shown
from tests.support.words import found_in

PRINTED = """
│ apply the migrations │ 46 applied │ 0.43 │
│ database │ at http://127.0.0.1:8090/ │ 1.02 │
notice hom: in capture for 12 s, since 2026-03-02
"""


@pytest.mark.parametrize(
    "shown",
    [
        PRINTED,
        "apply the migrations 46 applied 1.70\n…",
        "…\ndatabase at http://127.0.0.1:9999/ 0.1\n…",
        "…\nnotice hom: in capture for 2 s, since 2027-01-01",
        "apply the migrations … applied 0.4\n…\nnotice … since 2026-03-02",
    ],
)
def test_what_varies_from_run_to_run_may_differ(shown: str) -> None:
    assert_shown(Block(DOCUMENTS[0], 1, "console", shown), shown, PRINTED)


@pytest.mark.parametrize(
    "shown",
    [
        PRINTED.replace("46", "27"),
        PRINTED.replace("46", "4"),
        "apply the migrations 46 applied 0.43",
        "notice hom: in capture for 12 s, since 2026-03-02",
        "apply the migrations 46 applied 0.43\nnotice hom: in capture for 12 s, since 2026-03-02",
        "…\napply the migrations 4… applied 27\n…",
    ],
)
def test_a_fact_may_not(shown: str) -> None:
    with pytest.raises(AssertionError, match="but printed is"):
        assert_shown(Block(DOCUMENTS[0], 1, "console", shown), shown, PRINTED)


def test_banned_phrases_are_found_over_the_end_of_a_line() -> None:
    text = "Good.\nWritten # in\n# vain, Told anew.\n<!-- generated: x -->\ntold\n<!-- end of generated -->\n"
    assert [(line, phrase) for line, phrase, _ in found_in(text)] == [
        (2, "in # vain"),
        (3, "Told"),
        (3, "anew"),
    ]
