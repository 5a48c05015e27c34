"""Finds the fonts that hold every letter of a text: Noto Sans, and beside it those of the other living scripts."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from fontTools.ttLib import TTFont
from fpdf import FPDF

FONTS: Final = Path(__file__).parents[1] / "fonts"
MAIN: Final = "NotoSans"

# They choose how the letters beside them look, and have no look of their own.
_JOINERS_AND_SELECTORS: Final = re.compile(
    "[\u200c\u200d\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)


@dataclass(frozen=True, slots=True)
class Typefaces:
    """The fonts of a text: the one that has most of its letters, and those that have the rest."""

    main: str
    others: tuple[str, ...]


def typefaces(text: str) -> Typefaces | None:
    """Return the fewest fonts that draw every letter of a text; none if a letter is in no font."""
    lacking = {ord(letter) for letter in _JOINERS_AND_SELECTORS.sub("", text)}
    found: dict[str, int] = {}
    for name in _names():
        held = lacking & _letters(name)
        if held:
            found[name] = len(held)
            lacking -= held
        if not lacking:
            break
    if lacking:
        return None
    # A word is shaped in one piece only where one font has all of it, spaces and joiners too.
    main = max(found, key=lambda name: found[name])
    return Typefaces(main, tuple(name for name in found if name != main))


def add(pdf: FPDF, faces: Typefaces) -> None:
    """Add the fonts that the document has not yet, and let the others draw what the main one lacks."""
    for name in (faces.main, *faces.others):
        if name.lower() not in pdf.fonts:
            pdf.add_font(name, "", _file(name, "Regular"))
            pdf.add_font(name, "B", _file(name, "Bold"))
    pdf.set_fallback_fonts(faces.others, exact_match=False)


def _file(name: str, face: str) -> Path:
    """Return the file of a face; the fonts of the other scripts are drawn regular in place of bold."""
    file = FONTS / f"{name}-{face}.ttf"
    return file if file.exists() else FONTS / f"{name}-Regular.ttf"


@cache
def _names() -> tuple[str, ...]:
    """Return the names of all fonts: Noto Sans first, the small ones before the large ones."""
    files = sorted(FONTS.glob("*-Regular.ttf"), key=lambda file: file.stat().st_size)
    names = [file.stem.removesuffix("-Regular") for file in files]
    return (MAIN, *(name for name in names if name != MAIN))


@cache
def _letters(name: str) -> frozenset[int]:
    """Return the letters that a font draws in both faces: some list letters whose glyph is empty."""
    faces = []
    for path in {_file(name, "Regular"), _file(name, "Bold")}:
        with TTFont(path, lazy=True) as font:
            starts = font["loca"]
            glyphs = {code: font.getGlyphID(glyph) for code, glyph in font.getBestCmap().items()}
            faces.append(
                {
                    code
                    for code, glyph in glyphs.items()
                    if starts[glyph] < starts[glyph + 1] or code == ord(" ")
                }
            )
    return frozenset[int].intersection(*map(frozenset, faces))
