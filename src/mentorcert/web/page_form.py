"""What people type and choose in a form: what cannot be read is kept as it was sent, and named at its field."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from pydantic import BaseModel, PrivateAttr, ValidationError, model_validator
from pydantic.functional_validators import ModelWrapValidatorHandler

from mentorcert.web.context import RequestContext
from mentorcert.web.fields import Typed

# The errors of values that are chosen from a list, or ticked.
_CHOSEN: Final = ("literal_error", "uuid_", "bool_", "list_", "string_pattern", "enum")


@dataclass(frozen=True, slots=True)
class Fault:
    """What was typed, and what pydantic says of it: the kind of error, and its limits."""

    typed: Any
    kind: str
    limits: Mapping[str, Any]


class PageForm(BaseModel):
    """A form, or the query of a page that has one; a `Typed` field that cannot be read has its default.

    Other fields are carried along unseen: what is wrong there is refused as a whole.
    """

    _faults: dict[str, Fault] = PrivateAttr(default_factory=dict)

    @model_validator(mode="wrap")
    @classmethod
    def _keep(cls, sent: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(sent)
        except ValidationError as error:
            if not isinstance(sent, Mapping):
                raise
            faults = {
                name: Fault(sent[name], fault["type"], fault.get("ctx", {}))
                for fault in error.errors(include_url=False)
                if (name := str(fault["loc"][0]) if fault["loc"] else "") in sent and cls._is_typed(name)
            }
            if not faults:
                raise
            form = handler({name: value for name, value in sent.items() if name not in faults})
            form._faults = faults
            return form

    @classmethod
    def _is_typed(cls, name: str) -> bool:
        return any(isinstance(one, Typed) for one in cls.model_fields[name].metadata)

    @property
    def is_faulty(self) -> bool:
        """Whether anything could not be read."""
        return bool(self._faults)

    def typed(self, name: str) -> Any:
        """Return what a field shows again: the value that was read, or what could not be."""
        fault = self._faults.get(name)
        return getattr(self, name) if fault is None else fault.typed

    def lacks(self, name: str) -> bool:
        """Return whether a field is empty, or cannot be read."""
        return name in self._faults or not getattr(self, name)

    def faults(self, context: RequestContext) -> dict[str, str]:
        """Return what is wrong with what was typed, by field, in the reader's language."""
        return {name: _said(context, fault) for name, fault in self._faults.items()}


def _said(context: RequestContext, fault: Fault) -> str:
    if fault.kind == "string_too_long":
        return context._("Write at most %(number)s characters.", number=fault.limits["max_length"])
    if fault.kind in {"greater_than_equal", "less_than_equal"}:
        return context._("Write a day between 1900 and 2199.")
    if fault.kind.startswith(_CHOSEN):
        return context._("Choose one of these.")
    return context._("Write a day that exists, such as 28 November 2026.")
