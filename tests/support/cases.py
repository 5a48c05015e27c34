"""Many cases of one test on one database: for those that only read, or that are refused."""

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any

Test = Callable[..., None]


def in_turn(names: str | tuple[str, ...], cases: Iterable[Any]) -> Callable[[Test], Test]:
    """Run a test with each case for the parameters named, as `parametrize` would, but with the same fixtures.

    All cases are run; the failure names those that failed.
    """
    every = list(cases)

    def decorate(test: Test) -> Test:
        signature = inspect.signature(test)
        named = (names,) if isinstance(names, str) else names

        @functools.wraps(test)
        def run(**fixtures: Any) -> None:
            failures = []
            for case in every:
                given = dict(zip(named, (case,) if isinstance(names, str) else case, strict=True))
                try:
                    test(**fixtures, **given)
                except Exception as error:  # noqa: BLE001 - reported with all others
                    error.add_note(f"case: {given}")
                    failures.append(error)
            if failures:
                raise ExceptionGroup(f"{len(failures)} of {len(every)} cases fail", failures)

        parameters = [one for one in signature.parameters.values() if one.name not in named]
        run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        return run

    return decorate
