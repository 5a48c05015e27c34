"""The mapping to a portal's table: the names of its columns, and their values."""

import re
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from mentorcert.portal.model import CertificationStatus, Status

STRICT: Final = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

Value = bool | int | str
Instant = Literal["listed_until", "effective_at"]


def _is_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,127}", text):
        raise ValueError("must be a name of letters, digits and underscores, as in the portal's own API")
    return text


Name = Annotated[str, AfterValidator(_is_name)]


class Column(BaseModel):
    """A column of the portal; a plain string in the file is its name.

    `values` maps our values to the portal's; `date_only`: it holds days, not instants.
    """

    model_config = STRICT

    name: Name
    date_only: bool = False
    values: dict[str, Value] | None = None

    def write(self, value: Value | None) -> Value | None:
        """Return the portal's value for one of ours (status, listed, version)."""
        if value is None or self.values is None:
            return value
        return self.values[_key(value)]

    def read(self, value: Any) -> str | None:
        """Return our value for one of the portal's; None for null, and where it is ambiguous."""
        if value is None:
            return None
        if self.values is None:
            return _key(value)
        ours = [own for own, theirs in self.values.items() if (type(theirs), theirs) == (type(value), value)]
        return ours[0] if len(ours) == 1 else None


def _key(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _as_column(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


ColumnField = Annotated[Column, BeforeValidator(_as_column)]


class CertificationColumns(BaseModel):
    """Columns for one certification type."""

    model_config = STRICT

    status: ColumnField | None = None
    issued_at: ColumnField | None = None
    expires_at: ColumnField | None = None

    @model_validator(mode="after")
    def _knows_every_status(self) -> "CertificationColumns":
        _check_values(self.status, get_args(CertificationStatus))
        return self


class Columns(BaseModel):
    """Columns for the state of a peer mentor; `version` and `epoch` protect newer states from older ones."""

    model_config = STRICT

    version: ColumnField
    epoch: ColumnField | None = None
    status: ColumnField
    listed: ColumnField
    listed_until: ColumnField | None = None
    effective_at: ColumnField | None = None
    certifications: dict[str, CertificationColumns] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _knows_every_value(self) -> "Columns":
        _check_values(self.status, get_args(Status))
        _check_values(self.listed, ("true", "false"))
        if self.version.values is not None or (self.epoch is not None and self.epoch.values is not None):
            raise ValueError("version, epoch: a number has no values of its own; leave `values` out")
        names = [column.name for column in self.every()]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"the column {twice[0]} is mapped twice; give each value its own")
        return self

    def every(self) -> list[Column]:
        """List all columns that are mapped."""
        top = [self.version, self.epoch, self.status, self.listed, self.listed_until, self.effective_at]
        below = [
            c for one in self.certifications.values() for c in (one.status, one.issued_at, one.expires_at)
        ]
        return [column for column in (*top, *below) if column is not None]


def _check_values(column: Column | None, needed: tuple[str, ...]) -> None:
    if column is None or column.values is None:
        return
    if missing := sorted(set(needed) - column.values.keys()):
        raise ValueError(
            f"{column.name}: `values` lacks {', '.join(missing)}; map every value that the registry has"
        )
    if unknown := sorted(column.values.keys() - set(needed)):
        raise ValueError(
            f"{column.name}: `values` has {', '.join(unknown)}, which the registry does not have"
        )
