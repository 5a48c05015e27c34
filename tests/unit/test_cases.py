"""The cases that are run in turn: all of them, and a failure names the ones that fail."""

import pytest

from tests.support.cases import in_turn


@in_turn(("one", "other"), [(1, 1), (1, 2), (2, 2), (2, 3)])
def _equal(seen: list[int], one: int, other: int) -> None:
    seen.append(one)
    assert one == other


def test_every_case_is_run_and_those_that_fail_are_named() -> None:
    seen = list[int]()
    with pytest.raises(ExceptionGroup, match="2 of 4 cases fail") as caught:
        _equal(seen=seen)
    assert seen == [1, 1, 2, 2]
    assert [error.__notes__ for error in caught.value.exceptions] == [
        ["case: {'one': 1, 'other': 2}"],
        ["case: {'one': 2, 'other': 3}"],
    ]
