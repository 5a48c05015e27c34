"""What is left out on some servers names files and tests that exist, and what makes up for it runs on all."""

import pytest

from tests.support import one_server, pooler
from tests.support.generated_docs import ROOT


@pytest.mark.parametrize("name", [*pooler.LEFT_OUT, *one_server.ELSEWHERE, *one_server.ELSEWHERE.values()])
def test_what_is_named_is_there(name: str) -> None:
    beginning, _, test = name.partition("::")
    files = [file for found in ROOT.glob(f"{beginning}*") for file in (found, *found.rglob("*.py"))]
    assert any(f"def {test}" in file.read_text("utf-8") for file in files if file.is_file())


@pytest.mark.parametrize("name", one_server.ELSEWHERE.values())
def test_what_makes_up_for_it_is_not_left_out_itself(name: str) -> None:
    assert not any(name.startswith(left_out) for left_out in one_server.ELSEWHERE)
