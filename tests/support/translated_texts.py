"""Every text that a reader may see, as the code, the templates and the error tree have it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from babel.messages.extract import extract_from_dir

from mentorcert import errors
from mentorcert.errors import (
    BusyError,
    DatabaseUnreachableError,
    DuplicateError,
    EndpointDisabledError,
    ForbiddenError,
    InvalidCursorError,
    InvalidInputError,
    LaterError,
    MissingRightError,
    RuleError,
    SignInUnavailableError,
    TooManyAttemptsError,
    UnknownReferenceError,
    UnreadableValueError,
    ValueRejectedError,
)

PACKAGE: Final = Path(errors.__file__).parent

Message = str | tuple[str, ...]

# Their first line is what a page says of them.
_SHOWN: Final = (
    BusyError,
    DatabaseUnreachableError,
    DuplicateError,
    EndpointDisabledError,
    ForbiddenError,
    LaterError,
    MissingRightError,
    SignInUnavailableError,
    TooManyAttemptsError,
    UnknownReferenceError,
    UnreadableValueError,
    ValueRejectedError,
    RuleError,
)


def messages() -> Iterator[tuple[str, Message]]:
    """Yield each text with the file in which it stands."""
    found = extract_from_dir(
        PACKAGE,
        method_map=[("**/templates/**.html", "jinja2.ext:babel_extract"),
                    ("**/templates/**.txt", "jinja2.ext:babel_extract"),
                    ("**/templates/**.subject", "jinja2.ext:babel_extract"), ("**.py", "python")],
        options_map={"**/templates/**": {"trimmed": "true", "newstyle_gettext": "true", "silent": "false"}},
        keywords={"_": None, "gettext": None, "ngettext": (1, 2), "LazyText": None},
    )  # fmt: skip
    for file, _line, message, _comments, _context in found:
        yield file, message
    for error in (InvalidInputError, InvalidCursorError, *_with_subclasses(_SHOWN)):
        assert error.__doc__ is not None
        yield "errors.py", error.__doc__


def _with_subclasses(kinds: tuple[type[Exception], ...]) -> Iterator[type[Exception]]:
    for kind in kinds:
        yield kind
        yield from _with_subclasses(tuple(kind.__subclasses__()))
