"""Puts the model's answers beside those of Postgres, and says where they differ."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from mentorcert.access.model import Actor, Row
from mentorcert.access.rules import Reach, Rule, why_not
from mentorcert.db.connection import Connection
from tests.oracle.worlds import name_of
from tests.support.registry import rows as rows_of

DONE: Final = frozenset({"done"})
"""What a statement answers whose rows do not matter."""
AS_DONE: Final = "select array['done']"


@dataclass(frozen=True)
class Probe:
    """One statement that an actor tries, and its result by the model."""

    target: str
    """The table or function."""
    command: str
    statement: str
    """Answers with one array of text."""
    expected: frozenset[str] | str
    """The ids that the statement must answer with, or the SQLSTATE that must refuse it."""
    judged: Sequence[Row] = ()
    """The rows judged by it; each is one comparison."""
    may: Callable[[Reach, Row], Rule | None] | None = None
    """The rule of the model by which they are judged."""
    afterwards: str | None = None
    """Answers instead, where the statement cannot."""
    sent: UUID | None = None
    """The id in the statement; refusals of one target and command must be the same but for it."""
    saying: str = ""
    """What the refusal must say, where the SQLSTATE alone does not say what refuses it."""


@dataclass(frozen=True)
class Answer:
    """What Postgres answers: ids, or else a SQLSTATE and all that the error says."""

    ids: frozenset[str]
    state: str | None
    error: str


@dataclass(frozen=True)
class Difference:
    """One cell in which model and Postgres differ."""

    actor: Actor
    target: str
    row: str
    command: str
    text: str

    @property
    def cell(self) -> str:
        return f"{actor_name(self.actor)}, {self.target}, {self.row}, {self.command}"

    def __str__(self) -> str:
        return f"{self.cell}: {self.text}"


@dataclass
class Count:
    """How many cells were judged by both."""

    comparisons: int = 0
    statements: int = field(default=0)


def actor_name(actor: Actor) -> str:
    if actor.user_id is None:
        return "anon"
    if actor.claimed_organisation_id is None:
        return name_of(actor.user_id)
    return f"{name_of(actor.user_id)} with a token for {name_of(actor.claimed_organisation_id)}"


def compare(
    conn: Connection, within: Reach, probes: Sequence[Probe], count: Count | None = None
) -> Iterator[Difference]:
    """Let the actor try every statement, each undone; yields where the answers are not those of the model."""
    answers = _try(conn, within.actor, probes)
    if count is not None:
        count.comparisons += sum(max(len(probe.judged), 1) for probe in probes)
        count.statements += len(probes)
    refusals: defaultdict[tuple[str, str, str], dict[str, Probe]] = defaultdict(dict)
    for probe, answer in zip(probes, answers, strict=True):
        yield from _differences(within, probe, answer)
        # What is there twice is within the reach of the one who adds it: nothing is given away.
        if probe.sent is not None and answer.state not in {None, "23505"}:
            message = answer.error.replace(str(probe.sent), "*")
            refusals[probe.target, probe.command, answer.state][message] = probe
    for (target, command, state), texts in refusals.items():
        if len(texts) > 1:
            yield Difference(
                within.actor, target, " / ".join(name_of(probe.sent) for probe in texts.values()), command,
                f"the refusals ({state}) differ: {list(texts)}",
            )  # fmt: skip


def _try(conn: Connection, actor: Actor, probes: Sequence[Probe]) -> list[Answer]:
    role = "anon" if actor.user_id is None else "authenticated"
    claims: dict[str, object] = {"role": role}
    if actor.user_id is not None:
        claims["sub"] = str(actor.user_id)
    if actor.claimed_organisation_id is not None:
        claims["app_metadata"] = {"organisation_id": str(actor.claimed_organisation_id)}
    conn.execute(
        "select set_config('request.jwt.claims', %s, true), set_config('role', %s, true)",
        (json.dumps(claims), role),
    )
    answers = rows_of(
        conn, "select * from oracle.attempts(%s, %s)",
        [probe.statement for probe in probes], [probe.afterwards for probe in probes],
    )  # fmt: skip
    conn.execute("select set_config('role', 'none', true), set_config('request.jwt.claims', '', true)")
    return [Answer(frozenset(ids or ()), state, error or "") for ids, state, error in answers]


def _differences(within: Reach, probe: Probe, answer: Answer) -> Iterator[Difference]:
    if answer.state is not None or isinstance(probe.expected, str):
        if answer.state != probe.expected or probe.saying not in answer.error:
            wanted = probe.expected if isinstance(probe.expected, str) else f"{len(probe.expected)} rows"
            said = f"{answer.state} {answer.error!r}" if answer.state else f"{len(answer.ids)} rows"
            row = name_of(probe.judged[0].id) if len(probe.judged) == 1 else "every row"
            yield Difference(
                within.actor, probe.target, row, probe.command,
                f"model says {wanted}{_why(within, probe)}, Postgres says {said}; {probe.statement}",
            )  # fmt: skip
        return
    judged = {str(row.id): row for row in probe.judged}
    for id_ in sorted(probe.expected ^ answer.ids):
        wanted, said = ("yes" if id_ in ids_ else "no" for ids_ in (probe.expected, answer.ids))
        why = _why(within, probe, judged.get(id_))
        yield Difference(
            within.actor, probe.target, name_of(id_) if id_ in judged else id_, probe.command,
            f"model says {wanted}{why}, Postgres says {said}; {probe.statement}",
        )  # fmt: skip


def _why(within: Reach, probe: Probe, row: Row | None = None) -> str:
    row = row or (probe.judged[0] if len(probe.judged) == 1 else None)
    if row is None or probe.may is None:
        return ""
    reason = probe.may(within, row) or why_not(within, row) or "what is seen need not be changed."
    return f" because “{reason}”"


def closed(what: str) -> str:
    """Return what PostgreSQL says where the right to a table, function or schema is not granted."""
    return f"permission denied for {what}"


def closed_table(within: Reach, name: str, kind: str = "table") -> str:
    """Return what it says of a table, by its qualified name, whose schema or itself is closed to the actor."""
    schema, _, table = name.partition(".")
    is_in = schema == "public" or within.actor.user_id is not None
    return closed(f"{kind} {table}" if is_in else f"schema {schema}")


def ids(rows: Iterable[Row]) -> frozenset[str]:
    return frozenset(str(row.id) for row in rows)
