"""For how long an answer with the public list may be cached."""

import pytest

from mentorcert.certifications.public_list import LONGEST_CACHED_S, PublicPage


@pytest.mark.parametrize(
    ("left_s", "expected"),
    [(None, 60), (1e9, 60), (65, 60), (64.9, 59), (10, 5), (6.5, 1), (5.9, 0), (2.9, 0), (0.1, 0)],
)
def test_no_cache_outlives_a_lease(left_s: float | None, expected: int) -> None:
    header = PublicPage("[]", None, left_s).cache_control
    if expected == 0:
        assert header == "no-store"
    else:
        assert header == f"public, max-age={expected}, must-revalidate"
        assert expected < min(LONGEST_CACHED_S + 1, left_s or LONGEST_CACHED_S + 1)
