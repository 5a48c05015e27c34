"""A secret by reference: where it is stored and when it expires, never the secret itself."""

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, SecretStr

from mentorcert import secret_files
from mentorcert.errors import SecretUnreadableError
from mentorcert.settings import variable


def _is_reference(text: str) -> str:
    kind, _, name = text.partition(":")
    if kind not in {"env", "file"} or not name.strip():
        raise ValueError("must be a reference, env:NAME or file:PATH, never the secret itself")
    return text


class Secret(BaseModel):
    """Where a secret is stored, and when it expires: on `expires` it is no longer accepted."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    secret: Annotated[str, AfterValidator(_is_reference)]
    expires: date | Literal["never"]

    def read(self) -> SecretStr:
        """Read the secret; raises SecretUnreadableError, which names the place but never quotes it."""
        kind, _, name = self.secret.partition(":")
        text = (
            variable(name).strip()
            if kind == "env"
            else secret_files.read(Path(name), f"The secret file:{name}")
        )
        if not text:
            raise SecretUnreadableError(
                f"The secret {self.secret} is empty or missing.",
                hint=f"Set the variable {name}." if kind == "env" else f"Write the secret to {name}.",
            )
        return SecretStr(text)
