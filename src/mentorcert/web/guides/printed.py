"""A guide as one sheet of A4 to hand out, tagged for screen readers; its headings lead to the pages."""

from collections.abc import Sequence
from io import BytesIO
from typing import Final

import segno
from fpdf.enums import Align, XPos, YPos

from mentorcert.organisations.contacts import Coordinator
from mentorcert.translations import Language, translations
from mentorcert.web.guides.contents import Guide
from mentorcert.web.rendering.pdf import ACCENT, INK, MUTED, TaggedDocument
from mentorcert.web.rendering.typefaces import typefaces

_MARGIN_MM: Final = 18
_CODE_MM: Final = 26
_LINE_MM: Final = 0.42
# More names, or such as no font can write, stand on the page to which the sheet leads.
_MOST_NAMES: Final = 4


def write(guide: Guide, address: str, to_contact: Sequence[Coordinator], language: Language) -> bytes:
    """Return the PDF; `address` is the guide's own page."""
    return _Sheet(guide, address, to_contact, language).draw()


class _Sheet:
    """One guide on one page."""

    def __init__(
        self, guide: Guide, address: str, to_contact: Sequence[Coordinator], language: Language
    ) -> None:
        self._ = translations(language).gettext
        self._guide = guide
        self._address = address
        self._to_contact = to_contact
        self._pdf = TaggedDocument(self._(guide.title), language, margin=_MARGIN_MM)

    def draw(self) -> bytes:
        """Draw everything, in the order in which it is read."""
        pdf, guide = self._pdf, self._guide
        base = self._address.partition("/help/")[0]
        pdf.add_page()
        self._draw_code()
        self._line(self._(guide.title), 22, role="H1", style="B", colour=ACCENT, gap=1, beside_code=True)
        self._line(self._(guide.lead), 11, gap=1, beside_code=True)
        self._line(self._address, 10, colour=MUTED, link=self._address, gap=4, beside_code=True)
        pdf.set_y(max(pdf.get_y(), _MARGIN_MM + _CODE_MM + 3))
        for task in guide.tasks:
            self._line(self._(task.title), 11, role="H2", style="B", link=base + task.path)
            # On the same line, at its end: a guide has one page.
            pdf.set_y(pdf.get_y() - 9.5 * _LINE_MM)
            self._line(" › ".join(self._(step) for step in task.place), 9, colour=MUTED, align=Align.R)
            self._line(self._(task.text), 9.5, gap=0.4)
        self._heading(self._("Words"))
        for word, meaning in guide.words:
            self._line(f"{self._(word)}: {self._(meaning)}", 9.5, gap=0.5)
        self._heading(self._("Whom to contact"))
        for text in self._names() or [self._(guide.contact)]:
            self._line(text, 10, gap=0.8)
        return bytes(pdf.output())

    def _names(self) -> list[str]:
        named = (
            (
                one.full_name or (self._("Coordinator") if one.chapter else self._("Administrator")),
                one.chapter,
                one.email,
            )
            for one in self._to_contact
        )
        names = [", ".join(part for part in parts if part) for parts in named]
        return names if len(names) <= _MOST_NAMES and all(map(typefaces, names)) else []

    def _heading(self, text: str) -> None:
        self._pdf.ln(1.5)
        self._line(text, 13, role="H2", style="B", colour=ACCENT, gap=1)

    def _line(
        self,
        text: str,
        size: float,
        *,
        role: str = "P",
        style: str = "",
        colour: tuple[int, int, int] = INK,
        link: str = "",
        gap: float = 0,
        beside_code: bool = False,
        align: Align = Align.L,
    ) -> None:
        pdf = self._pdf
        pdf.choose_font(text, style, size)
        pdf.set_text_color(*colour)
        width = pdf.epw - _CODE_MM - 4 if beside_code else pdf.epw
        with pdf.tagged(role, text=text):
            pdf.multi_cell(
                width, size * _LINE_MM, text, align=align, link=link, new_x=XPos.LMARGIN, new_y=YPos.NEXT
            )
        pdf.ln(gap)

    def _draw_code(self) -> None:
        pdf = self._pdf
        picture = BytesIO()
        segno.make(self._address, error="m", micro=False).save(picture, kind="png", scale=8, border=0)
        with pdf.tagged("Figure", alternative=self._("A code that leads to this guide")):
            pdf.image(picture, x=pdf.w - _MARGIN_MM - _CODE_MM, y=_MARGIN_MM, w=_CODE_MM, h=_CODE_MM)
        pdf.set_xy(_MARGIN_MM, _MARGIN_MM)
