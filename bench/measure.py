"""Timing of alternatives in turns, so that whatever disturbs the machine disturbs each of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Result:
    """The seconds that something took and those of its reference; medians over the rounds.

    `aim` is the highest ratio that we want, `aim_s` the seconds that are good enough whatever the ratio; both
    None where we only look on.
    """

    benchmark: str
    rows: int
    case: str
    what: str
    seconds: float
    least_s: float
    reference: str
    reference_s: float
    reference_least_s: float
    aim: float | None = None
    note: str = ""
    aim_s: float | None = None

    @property
    def ratio(self) -> float:
        return self.seconds / self.reference_s

    @property
    def misses_aim(self) -> bool:
        by_ratio = self.aim is not None and self.ratio > self.aim
        in_seconds = self.aim_s is not None and self.seconds > self.aim_s
        return by_ratio and in_seconds if None not in (self.aim, self.aim_s) else by_ratio or in_seconds


@dataclass(frozen=True, slots=True)
class Storage:
    """The bytes of a filled registry: of the certifications with their indexes, and of the whole database."""

    rows: int
    table_bytes: int
    database_bytes: int


Timing = Callable[[], float]
"""Does the thing once and returns the seconds it took, without those of making ready and tidying up."""


def in_turns(timings: Mapping[str, Timing], rounds: int) -> dict[str, list[float]]:
    """Time each in turn, `rounds` times after one that does not count; returns the seconds of each."""
    seconds: dict[str, list[float]] = {name: [] for name in timings}
    for timing in timings.values():
        timing()
    for _ in range(rounds):
        for name, timing in timings.items():
            seconds[name].append(timing())
    return seconds


def fastest(seconds: Mapping[str, list[float]]) -> str:
    """Return the name with the lowest median."""
    return min(seconds, key=lambda name: median(seconds[name]))


def compare(
    seconds: Mapping[str, list[float]],
    what: str,
    reference: str,
    *,
    benchmark: str,
    rows: int,
    case: str = "",
    aim: float | None = None,
    note: str = "",
    aim_s: float | None = None,
) -> Result:
    """Put one of the timings beside the one that is its reference."""
    return Result(
        benchmark=benchmark,
        rows=rows,
        case=case,
        what=what,
        seconds=median(seconds[what]),
        least_s=min(seconds[what]),
        reference=reference,
        reference_s=median(seconds[reference]),
        reference_least_s=min(seconds[reference]),
        aim=aim,
        note=note,
        aim_s=aim_s,
    )


def aims(result: Result) -> list[str]:
    """Return what is aimed at: the ratio, the time, or that one of the two is reached."""
    by_ratio = [f"{result.aim:g}"] if result.aim is not None else []
    return by_ratio + ([duration(result.aim_s)] if result.aim_s is not None else [])


_SMALL_S = 0.1


def duration(seconds: float) -> str:
    """Return it as people read it."""
    return f"{seconds * 1000:.3g} ms" if seconds < _SMALL_S else f"{seconds:.2f} s"


Notify = Callable[[str], None]
"""Receives the name of each step."""
