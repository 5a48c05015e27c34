"""Which request fails how: by rules of a file or of `POST /faults`, or by a header of the request itself."""

import hashlib
import json
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from mentorcert.errors import InvalidInputError

Route = Literal["webhook", "dataverse", "token", "list"]
Kind = Literal[
    "delay", "drop", "reset", "throttled", "server_error", "redirect", "login_page", "no_effect", "truncated",
    "huge", "expired_token", "v2_only", "slow_headers",
]  # fmt: skip

HEADER: Final = "x-staging-fault"
# The others hide what came of a request; these come before it has any effect.
_BEFORE: Final = frozenset(
    {"delay", "reset", "throttled", "server_error", "redirect", "login_page", "no_effect"}
)


class Fault(BaseModel):
    """What goes wrong. `applied_first`: the request takes effect all the same; without it, the kind decides.

    `seconds` is for delay and slow_headers, `megabytes` for huge, `retry_after` (seconds) for throttled and
    server_error; `status` replaces 429 of throttled, 503 of server_error, 302 of redirect, 400 of v2_only.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    applied_first: bool | None = None
    seconds: float = Field(30.0, ge=0)
    status: int | None = Field(None, ge=300, le=599)
    retry_after: int | None = Field(None, ge=0)
    retry_after_as: Literal["seconds", "date"] = "seconds"
    megabytes: int = Field(50, ge=1)

    @property
    def applies(self) -> bool:
        """Whether the request takes effect before the fault."""
        return self.kind not in _BEFORE if self.applied_first is None else self.applied_first


class Rule(Fault):
    """A fault, and the requests that meet it: those that fit all that is given.

    `nth` counts the fitting requests from 1, with `each_mentor` those of each peer mentor alone. `times`
    ends the rule after as many faults. `probability` draws by the seed, the rule, the mentor and the count.
    """

    route: Route | None = None
    method: Annotated[str | None, BeforeValidator(lambda text: text and text.upper())] = None
    mentor: str | None = None
    nth: Annotated[tuple[int, ...] | None, BeforeValidator(lambda n: (n,) if isinstance(n, int) else n)] = (
        None
    )
    each_mentor: bool = False
    times: int | None = Field(None, ge=1)
    probability: float = Field(1.0, ge=0, le=1)


class Script(BaseModel):
    """All rules; of those that fit a request the first that fires is taken."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = 0
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """What of a request the rules look at; `fault` is the text of its own header."""

    route: Route
    method: str
    mentor: str | None
    fault: str | None


class Faults:
    """Draws the fault of each request and counts."""

    def __init__(self, script: Script) -> None:
        """Take the first script."""
        self.use(script)

    def use(self, script: Script) -> None:
        """Take another script and begin counting from zero."""
        self.script = script
        self.fired = [0 for _ in script.rules]
        self._seen = Counter[tuple[int, str | None]]()

    def draw(self, request: Request) -> Fault | None:
        """Return the request's fault, if any; raises InvalidInputError for a header that names none."""
        if request.fault is not None:
            return parse_header(request.fault)
        for at, rule in enumerate(self.script.rules):
            if self._fires(at, rule, request):
                self.fired[at] += 1
                return rule
        return None

    def _fires(self, at: int, rule: Rule, request: Request) -> bool:
        wanted = ((rule.route, request.route), (rule.method, request.method), (rule.mentor, request.mentor))
        if any(want is not None and want != is_ for want, is_ in wanted):
            return False
        self._seen[at, None] += 1
        if request.mentor is not None:
            self._seen[at, request.mentor] += 1
        count = self._seen[at, request.mentor if rule.each_mentor else None]
        if rule.nth is not None and count not in rule.nth:
            return False
        if rule.times is not None and self.fired[at] >= rule.times:
            return False
        # Not by one generator: then the order in which mentors come would decide who is hit.
        own = self._seen[at, request.mentor]
        drawn = hashlib.sha256(f"{self.script.seed}/{at}/{request.mentor}/{own}".encode()).digest()
        return int.from_bytes(drawn[:8]) < rule.probability * 2**64


def parse_header(text: str) -> Fault:
    """Read the header `x-staging-fault`, a kind or a JSON object; raises InvalidInputError otherwise."""
    try:
        return (
            Fault.model_validate_json(text) if text.startswith("{") else Fault.model_validate({"kind": text})
        )
    except ValidationError as error:
        raise InvalidInputError(f"The header {HEADER} is no fault: {_faults(error)}.") from None


def load(file: Path) -> Script:
    """Read a TOML or JSON file; raises InvalidInputError that says what is wrong with it."""
    try:
        text = file.read_text("utf-8")
        return Script.model_validate(json.loads(text) if file.suffix == ".json" else tomllib.loads(text))
    except OSError as error:
        raise InvalidInputError(f"{file}: cannot be read: {type(error).__name__}.") from None
    except ValidationError as error:
        raise InvalidInputError(f"{file}: {_faults(error)}.") from None
    except ValueError as error:
        raise InvalidInputError(f"{file}: neither TOML nor, as .json, JSON: {error}.") from None


def _faults(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, fault['loc'])) or 'all'}: {fault['msg']}" for fault in error.errors()
    )
