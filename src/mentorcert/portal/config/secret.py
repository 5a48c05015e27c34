"""A secret by reference: where it lies and when it expires, never the secret itself."""

from datetime import date
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, SecretStr

from mentorcert.errors import SecretUnreadableError
from mentorcert.settings import variable

_LONGEST: Final = 65_536


def _is_reference(text: str) -> str:
    kind, _, name = text.partition(":")
    if kind not in {"env", "file"} or not name.strip():
        raise ValueError("must be a reference, env:NAME or file:PATH, never the secret itself")
    return text


class Secret(BaseModel):
    """Where a secret lies, and its last day but one: from `expires` on it is no longer accepted."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    secret: Annotated[str, AfterValidator(_is_reference)]
    expires: date | Literal["never"]

    def read(self) -> SecretStr:
        """Read it anew; raises SecretUnreadableError that names the place but never quotes it."""
        kind, _, name = self.secret.partition(":")
        text = variable(name) if kind == "env" else _content(Path(name))
        if not (text := text.strip()):
            raise SecretUnreadableError(
                f"The secret {self.secret} is empty or not there.",
                hint=f"Set the variable {name}." if kind == "env" else f"Write the secret to {name}.",
            )
        return SecretStr(text)


def _content(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(_LONGEST + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise SecretUnreadableError(
            f"The secret file:{path} cannot be read: {type(error).__name__}.",
            hint="Check that the file is there, is text, and may be read by this user.",
        ) from None
    if len(text) > _LONGEST:
        raise SecretUnreadableError(
            f"The secret file:{path} is longer than {_LONGEST} characters.", hint="Is it the right file?"
        )
    return text
