"""PDF documents that a screen reader reads in order, in fonts that hold the letters of living scripts."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from unicodedata import bidirectional

from fpdf import FPDF, ViewerPreferences

from mentorcert.translations import Language
from mentorcert.web.rendering.typefaces import MAIN, Typefaces, add, typefaces

# They warn of letters that a font lacks, and quote them: parts of names have no place in a log.
for _package in ("fpdf", "fontTools"):
    logging.getLogger(_package).setLevel(logging.ERROR)

ACCENT: Final = (11, 93, 87)
INK: Final = (28, 37, 36)
MUTED: Final = (82, 96, 94)


class TaggedDocument(FPDF):
    """A PDF (A4) in which each piece of text stands in the structure tree, and what only decorates does not."""

    def __init__(self, title: str, language: Language, *, margin: float) -> None:
        """Begin a document whose pages end where their caller says."""
        super().__init__(format="A4")
        self.set_margin(margin)
        self.set_auto_page_break(auto=False)
        self.set_lang("nb-NO" if language == "nb" else "en-GB")
        self.set_title(title)
        self.set_creator("mentorcert")
        self.viewer_preferences = ViewerPreferences(display_doc_title=True)
        self.set_text_shaping(use_shaping_engine=True)

    def choose_font(self, text: str, style: str, size: float) -> None:
        """Set the fonts that hold the letters of a text."""
        faces = typefaces(text) or Typefaces(MAIN, ())
        add(self, faces)
        self.set_font(faces.main, style, size)

    @contextmanager
    def tagged(self, role: str, *, text: str = "", alternative: str | None = None) -> Iterator[None]:
        """Mark what is drawn meanwhile as a heading (H1), a paragraph (P) or a picture (Figure).

        `text` is how it reads, where glyphs do not say so; a picture has an alternative.
        """
        is_given = bool(text) and not _is_read_from_the_right(text)
        # fpdf2 tags pictures only; these are the two calls by which it does.
        mcid = self.struct_builder.next_mcid_for_page(self.page)
        self._add_marked_content(struct_type=f"/{role}", mcid=mcid, alt_text=alternative)
        self._out(f"/{role} <</MCID {mcid}>> BDC")
        if is_given:
            self._out(f"/Span <</ActualText <FEFF{text.encode('utf-16-be').hex()}>>> BDC")
        yield
        self._out("EMC EMC" if is_given else "EMC")

    @contextmanager
    def decoration(self) -> Iterator[None]:
        """Mark what is drawn meanwhile as nothing to be read."""
        self._out("/Artifact BMC")
        yield
        self._out("EMC")


def _is_read_from_the_right(text: str) -> bool:
    """Return whether a text has Hebrew or Arabic: readers turn its glyphs around by themselves, and a given text too."""
    return any(bidirectional(letter) in {"R", "AL"} for letter in text)
