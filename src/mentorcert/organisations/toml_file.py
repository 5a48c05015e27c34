"""TOML files that people write: read, checked, and refused with all that is wrong."""

import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from mentorcert.errors import InvalidInputError

MAX_BYTES = 16 * 2**20

File = TypeVar("File", bound=BaseModel)


def read(path: Path, kind: type[File], error: type[InvalidInputError], example: str) -> File:
    """Read and check a file; `example` is named in the hint. Raises `error` with all that is wrong, OSError."""
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise error(f"{path.name} is larger than {MAX_BYTES // 2**20} MB.")
    try:
        return kind.model_validate(tomllib.loads(data.decode("utf-8-sig")))
    except UnicodeDecodeError:
        raise error(f"{path.name} is not UTF-8.", hint="TOML is always UTF-8.") from None
    except tomllib.TOMLDecodeError as fault:
        raise error(f"{path.name} is not TOML: {fault}.") from None
    except ValidationError as invalid:
        faults = [
            f"{'.'.join(str(step + 1) if isinstance(step, int) else step for step in fault['loc'])}: "
            + fault["msg"].removeprefix("Value error, ")
            for fault in invalid.errors(include_url=False, include_input=False)
        ]
        raise error(
            f"{path.name} is not valid:\n  " + "\n  ".join(faults),
            hint=f"Entries are counted from 1; {example} shows the form.",
        ) from None
