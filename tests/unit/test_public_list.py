"""For how long an answer with the public list may be cached."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from mentorcert.certifications.public_list import LONGEST_CACHED_S, Listed, cache_control

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def listed(left_s: float) -> Listed:
    return Listed(uuid4(), "Kari", [], NOW + timedelta(seconds=left_s), left_s)


@pytest.mark.parametrize(
    ("left_s", "expected"),
    [
        ([], 60), ([1e9], 60), ([3600, 7200], 60), ([65, 3600], 60), ([3600, 64.9], 59), ([1e9, 10], 5),
        ([6.5], 1), ([5.9], 0), ([2.9], 0), ([0.1, 1e9], 0), ([0.1], 0),
    ],
)  # fmt: skip
def test_no_cache_outlives_a_lease(left_s: list[float], expected: int) -> None:
    header = cache_control([listed(seconds) for seconds in left_s])
    if expected == 0:
        assert header == "no-store"
    else:
        assert header == f"public, max-age={expected}, must-revalidate"
        assert expected < min([LONGEST_CACHED_S + 1, *left_s])
