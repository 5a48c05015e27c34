"""The picture that others show with a link to a public list: the organisation's name and the chapter's, and nobody else's."""

from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from PIL import Image, ImageDraw, ImageFont

from mentorcert.certifications import public_list
from mentorcert.web.conditional import conditional
from mentorcert.web.public.choices import Choices
from mentorcert.web.public.listing import OpenToAll

router = APIRouter()

# As networks ask for; the colours are those of pages.css.
WIDTH: Final = 1200
HEIGHT: Final = 630
_PAPER: Final = "#fbfaf7"
_ACCENT: Final = "#0b5d57"
_INK: Final = "#1c2524"
_MUTED: Final = "#52605e"
_MARGIN: Final = 90
_LINES: Final = 3
_SMALLEST: Final = 28
_COLOURS: Final = 32
_FONTS: Final = Path(__file__).parents[1] / "fonts"


@router.get("/public/{slug}/picture.png")
def picture(
    request: Request, context: OpenToAll, slug: str, chapter: Annotated[str, Query(max_length=100)] = ""
) -> Response:
    """Return the picture of an organisation's list, or of a chapter's page."""
    heading = None if "\0" in slug else public_list.heading(context.conn, slug)
    chapters = [] if heading is None else heading.read_chapters()
    if heading is None or (chapter and all(one.code != chapter for one in chapters)):
        return Response(status_code=404)
    title = context._("Peer mentors")
    if chapter:
        title = f"{title}: {Choices(chapters, heading, context.language, slug).labels[chapter]}"
    answer = Response(
        drawn(title, heading.name),
        media_type="image/png",
        headers={"Cache-Control": "public, max-age=86400", "Vary": "Accept-Language, Cookie"},
    )
    return conditional(request, answer)


@lru_cache(maxsize=200)
def drawn(title: str, name: str) -> bytes:
    """Draw a title and a name; a text with a letter that the font lacks is left out as a whole."""
    image = Image.new("RGB", (WIDTH, HEIGHT), _PAPER)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, WIDTH, 24), fill=_ACCENT)
    draw.rounded_rectangle((_MARGIN, 90, _MARGIN + 88, 178), 22, fill=_ACCENT)
    draw.line(
        [(_MARGIN + 25, 135), (_MARGIN + 39, 149), (_MARGIN + 63, 120)], fill="white", width=10, joint="curve"
    )
    bottom = _write(draw, title, "NotoSans-Bold.ttf", size=76, top=230, colour=_INK)
    _write(draw, name, "NotoSans-Regular.ttf", size=44, top=bottom + 24, colour=_MUTED)
    out = BytesIO()
    image.quantize(_COLOURS).save(out, "PNG", optimize=True)
    return out.getvalue()


def _write(draw: ImageDraw.ImageDraw, text: str, file: str, *, size: int, top: int, colour: str) -> int:
    """Write a text in as many lines as there is room for, smaller where it is long; return where it ends."""
    font = ImageFont.truetype(str(_FONTS / file), size)
    missing = bytes(font.getmask("\uffff"))
    if any(bytes(font.getmask(letter)) == missing for letter in set(text) if not letter.isspace()):
        return top
    lines = _wrapped(font, text)
    while len(lines) > _LINES and size > _SMALLEST:
        size -= 4
        font = ImageFont.truetype(str(_FONTS / file), size)
        lines = _wrapped(font, text)
    for line in lines[:_LINES]:
        draw.text((_MARGIN, top), line, font=font, fill=colour)
        top += round(size * 1.25)
    return top


def _wrapped(font: ImageFont.FreeTypeFont, text: str) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= WIDTH - 2 * _MARGIN:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
