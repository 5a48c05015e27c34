"""What the addresses of the lists ask for."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Annotated, ClassVar, Final, Literal, Self, get_args
from urllib.parse import parse_qsl, urlencode

from pydantic import BeforeValidator, Field, ValidationError

from mentorcert.certifications import pages
from mentorcert.certifications.forecast import months_from
from mentorcert.certifications.history import WantedStatus
from mentorcert.certifications.pages import Part
from mentorcert.certifications.search import Filters, Order, Sort
from mentorcert.errors import InvalidInputError
from mentorcert.translatable import LazyText
from mentorcert.web.coordinator.ticks import TickedIds
from mentorcert.web.fields import TYPED, Chosen, MaybeChosen, OptionalId, SearchText, Ticked, none_if_empty
from mentorcert.web.page_form import PageForm

WITHIN: Final = (30, 60, 90, 180, 365)
NEVER: Final = "never"
# Of a list more are not counted: what a page costs follows from what it shows.
COUNTED: Final = 1000

SortName = Literal["next", "expires", "-expires", "issued", "-issued", "name", "-name", "type", "-type"]


CursorText = Annotated[str | None, Field(max_length=2000), BeforeValidator(none_if_empty)]
TypeCode = Annotated[str | None, Field(max_length=100), BeforeValidator(none_if_empty), TYPED]
_Ends = Annotated[
    str | None,
    Field(pattern=rf"^({'|'.join(map(str, WITHIN))}|{NEVER}|(19|20|21)\d\d-(0[1-9]|1[0-2]))$"),
    BeforeValidator(none_if_empty),
    TYPED,
]


# What says where on the list somebody is, or is still to be found by name.
OF_A_PAGE: Final = {"after", "before", "ticked", "chapter_name"}


class PagedQuery(PageForm):
    """What the address of a list asks for, in pages with ticks that are kept over them."""

    PATH: ClassVar[str]

    size: Chosen[Literal["50", "100", "500"]] = "50"
    after: CursorText = None
    before: CursorText = None
    ticked: TickedIds = Field(default_factory=list)
    chapter: OptionalId = None
    chapter_name: SearchText = None

    def text(self, **changed: object) -> str:
        """Return the query string of the first page, with some values changed; defaults are left out."""
        values = self.model_dump(mode="json", exclude_defaults=True, exclude=OF_A_PAGE)
        return urlencode({name: value for name, value in (values | changed).items() if value})

    def path(self, **changed: object) -> str:
        """Return the address of the list."""
        text = self.text(**changed)
        return f"{self.PATH}?{text}" if text else self.PATH

    @property
    def here(self) -> str:
        """The query string of this page."""
        return self.text(after=self.after, before=self.before)

    def parameters(self) -> dict[str, str]:
        """Return the filter as it is saved, by the names of the address."""
        values = self.model_dump(mode="json", exclude_defaults=True, exclude=OF_A_PAGE)
        return {name: "true" if value is True else str(value) for name, value in values.items() if value}

    @classmethod
    def stored(cls, parameters: Mapping[str, str]) -> Self | None:
        """Return the list of a saved filter; None where the list does not know all of it any more."""
        if not cls.model_fields.keys() - OF_A_PAGE >= parameters.keys():
            return None
        try:
            return cls.read(urlencode(parameters))
        except InvalidInputError:
            return None

    @classmethod
    def read(cls, text: str) -> Self:
        """Read a query string. Raises InvalidInputError."""
        try:
            query = cls.model_validate(dict(parse_qsl(text)))
        except ValidationError:
            raise InvalidInputError(
                LazyText("The filter of the list cannot be read. Open the list again.")
            ) from None
        if query.is_faulty:
            raise InvalidInputError(LazyText("The filter of the list cannot be read. Open the list again."))
        return query


class ListQuery(PagedQuery):
    """The list of certifications; `ends` is a number of days from today, a month as yyyy-mm, or never."""

    PATH = "/certifications"

    q: SearchText = None
    status: MaybeChosen[WantedStatus] = None
    type: TypeCode = None
    ends: _Ends = None
    left: Ticked = False
    sort: SortName = "next"

    def filters(self, today: date) -> Filters:
        """Return what the rows are narrowed to."""
        first_day = last_day = None
        if self.ends and self.ends != NEVER:
            if "-" in self.ends:
                first_day = date.fromisoformat(f"{self.ends}-01")
                last_day = months_from(first_day, 2)[1] - timedelta(days=1)
            else:
                first_day, last_day = today, today + timedelta(days=int(self.ends))
        return Filters(
            query=self.q,
            status=self.status,
            certification_type=self.type,
            chapter_id=self.chapter,
            first_day=first_day,
            last_day=last_day,
            unlimited=True if self.ends == NEVER else None,
            with_left=self.left,
        )

    def parts(self, today: date) -> Sequence[Part]:
        """Return the list as it is sorted."""
        if self.sort == "next":
            return pages.next_first(self.filters(today), today)
        return pages.in_order(self.filters(today), self.order())

    def order(self) -> Order:
        """Return the one order of a file, or of all at once."""
        name = "expires" if self.sort == "next" else self.sort.removeprefix("-")
        sort = next(sort for sort in get_args(Sort) if sort == name)
        return Order(sort, self.sort.startswith("-"))
