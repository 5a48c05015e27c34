"""Every text has one translation, and every translation a text."""

from collections import Counter

import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po

from mentorcert.translations import LOCALE
from tests.support.translated_texts import messages

AREAS = sorted((LOCALE / "nb").glob("*.po"))


def catalogue(area: str) -> list[Message]:
    """Return the messages of an area."""
    with (LOCALE / "nb" / f"{area}.po").open("rb") as file:
        return [message for message in read_po(file, locale="nb", abort_invalid=True) if message.id]


def test_every_text_is_translated_once_and_nothing_else_is() -> None:
    used = {message for _, message in messages()}
    translated = Counter(message.id for path in AREAS for message in catalogue(path.stem))
    assert sorted(map(str, used - translated.keys())) == []
    assert sorted(map(str, translated.keys() - used)) == []
    assert [id_ for id_, times in translated.items() if times > 1] == []


@pytest.mark.parametrize("area", [path.stem for path in AREAS])
def test_translations_are_whole(area: str) -> None:
    for message in catalogue(area):
        strings = message.string if isinstance(message.string, tuple) else (message.string,)
        assert all(strings), message.id
        assert not message.fuzzy, message.id
        # What is filled in is named alike.
        assert [str(error) for error in message.check()] == [], message.id
