"""What the public chooses by: counties with their chapters, topics and languages, each by its name."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from mentorcert.certifications.public_list import Heading, PublicChapter, labels
from mentorcert.translations import Language


class Choices:
    """The chapters, topics and languages of a list, in the reader's language."""

    def __init__(
        self, chapters: Sequence[PublicChapter], heading: Heading, language: Language, slug: str
    ) -> None:
        self._slug = slug
        self._language = language
        self.labels = labels(chapters)
        self.by_code = {chapter.code: chapter for chapter in chapters}
        above = {code for chapter in chapters if chapter.has_listed for code in chapter.above}
        self.listing = [chapter for chapter in chapters if chapter.has_listed or chapter.code in above]
        self.topics = [topic.name(language) for topic in heading.read_topics("topic")]
        self.languages = [topic.name(language) for topic in heading.read_topics("language")]

    def counties(self) -> list[tuple[PublicChapter, list[PublicChapter]]]:
        """Return those at the top that list somebody, each with those below it that do."""
        return [
            (top, [chapter for chapter in self.listing if top.code in chapter.above])
            for top in self.listing
            if not top.above
        ]

    def below(self, code: str) -> list[PublicChapter]:
        """Return the chapters right under one that list somebody or can be reached."""
        return [chapter for chapter in self.by_code.values() if chapter.above[-1:] == [code]]

    def chosen(self, asked: str) -> str:
        """Return the code of the chapter that is asked for by its code or name; else what was asked."""
        if asked in self.by_code:
            return asked
        return next((code for code, chapter in self.by_code.items() if chapter.name == asked), asked)

    def label(self, code: str, name: str) -> str:
        """Return what a chapter of somebody is called."""
        return self.labels.get(code, name)

    def chapter_path(self, code: str) -> str:
        """Return the address of a chapter's page."""
        return f"/public/{quote(self._slug, safe='')}/chapters/{quote(code)}"

    def topics_of(self, person: dict[str, Any], kind: str) -> list[str]:
        """Return what somebody can talk about, or the languages of it."""
        return [
            topic["name_en"] if self._language == "en" else topic["name_nb"]
            for topic in person["topics"]
            if topic["kind"] == kind
        ]
