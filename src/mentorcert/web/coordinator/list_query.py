"""What the address of a list asks for."""

from datetime import date, timedelta
from typing import Annotated, Final, Literal, Self, get_args
from urllib.parse import parse_qsl, urlencode

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from mentorcert.certifications.forecast import months_from
from mentorcert.certifications.history import Status
from mentorcert.certifications.search import Filters, Order, Sort
from mentorcert.errors import InvalidInputError
from mentorcert.web.fields import Maybe, OptionalId, SearchText, none_if_empty

WITHIN: Final = (30, 60, 90, 180, 365)
NEVER: Final = "never"

SortName = Literal["expires", "-expires", "issued", "-issued", "name", "-name", "type", "-type"]


OptionalDay = Maybe[date]
CursorText = Annotated[str | None, Field(max_length=2000), BeforeValidator(none_if_empty)]
_Ends = Annotated[
    str | None,
    Field(pattern=rf"^({'|'.join(map(str, WITHIN))}|{NEVER}|(19|20|21)\d\d-(0[1-9]|1[0-2]))$"),
    BeforeValidator(none_if_empty),
]


def query_text(query: BaseModel, **changed: object) -> str:
    """Return the query string of the first page, with some values changed; defaults are left out."""
    values = query.model_dump(mode="json", exclude_defaults=True, exclude={"after"}) | changed
    return urlencode({name: value for name, value in values.items() if value is not None})


class ListQuery(BaseModel):
    """The list of certifications; `ends` is a number of days from today, a month as yyyy-mm, or never."""

    q: SearchText = None
    status: Annotated[Status | None, BeforeValidator(none_if_empty)] = None
    type: Annotated[str | None, Field(max_length=100), BeforeValidator(none_if_empty)] = None
    chapter: OptionalId = None
    ends: _Ends = None
    sort: SortName = "expires"
    size: Literal["50", "100", "500"] = "50"
    after: CursorText = None

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
        )

    def order(self) -> Order:
        """Return by what the rows are sorted."""
        name = self.sort.removeprefix("-")
        sort = next(sort for sort in get_args(Sort) if sort == name)
        return Order(sort, self.sort.startswith("-"))

    def text(self, **changed: object) -> str:
        """Return the query string of the first page, with some values changed; defaults are left out."""
        return query_text(self, **changed)

    def path(self, **changed: object) -> str:
        """Return the address of the list."""
        text = self.text(**changed)
        return f"/certifications?{text}" if text else "/certifications"

    @classmethod
    def read(cls, text: str) -> Self:
        """Read a query string. Raises InvalidInputError."""
        try:
            return cls.model_validate(dict(parse_qsl(text)))
        except ValidationError:
            raise InvalidInputError("The filter is not one of this page.") from None
