"""A file to fill in: the columns that an import reads and, in a workbook, what is written in each."""

import io
from collections.abc import Iterator, Sequence
from typing import Final

from mentorcert.imports import tabular
from mentorcert.imports.cells import Cell, Language, as_texts
from mentorcert.imports.columns import DAY_COLUMNS, EXAMPLES, HEADINGS, PURPOSES, REQUIRED_COLUMNS
from mentorcert.imports.exporting import DIALECTS, Format
from mentorcert.imports.workbook import Sheet, write_xlsx
from mentorcert.translations import translations

_WIDTHS: Final = (22, 12, 90, 40)


def template(format_: Format, language: Language) -> bytes:
    """Return an empty file of mentors with the headings; a workbook explains them on a sheet of its own.

    The cells of its first sheet are texts and days already, so that 00123 stays 00123 while it is typed.
    """
    headings = [names[language] for names in HEADINGS.values()]
    if format_ == "csv":
        return tabular.write_csv([headings], DIALECTS[language])
    # The English texts are extracted as those of a page are.
    _ = translations(language).gettext
    mentors = Sheet(
        _("Peer mentors"),
        [headings],
        widths=[22] * len(headings),
        days=frozenset(place for place, column in enumerate(HEADINGS) if column in DAY_COLUMNS),
    )
    content = io.BytesIO()
    write_xlsx([mentors, Sheet(_("Explanation"), _explanation(language), widths=_WIDTHS)], content)
    return content.getvalue()


def _explanation(language: Language) -> Iterator[Sequence[Cell]]:
    _ = translations(language).gettext
    yield [_("Column"), _("Needed"), _("What to write"), _("Example")]
    for column, names in HEADINGS.items():
        is_needed = _("yes") if column in REQUIRED_COLUMNS else _("no")
        yield as_texts(
            [names[language], is_needed, _(PURPOSES[column]), EXAMPLES[column][language]], language
        )
