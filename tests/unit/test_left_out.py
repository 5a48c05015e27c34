"""What is left out on some servers names files and tests that exist, and what makes up for it runs on all."""

from tests.support import one_server, pooler, selection
from tests.support.generated_docs import ROOT


def is_there(name: str) -> bool:
    beginning, _, test = name.partition("::")
    files = [file for found in ROOT.glob(f"{beginning}*") for file in (found, *found.rglob("*.py"))]
    return any(f"def {test}" in file.read_text("utf-8") for file in files if file.is_file())


def test_what_is_named_is_there() -> None:
    named = [*selection.SLOW, *pooler.LEFT_OUT, *one_server.ELSEWHERE, *one_server.ELSEWHERE.values()]
    assert [name for name in named if not is_there(name)] == []


def test_what_makes_up_for_it_is_not_left_out_itself() -> None:
    left_out = tuple(one_server.ELSEWHERE)
    assert [name for name in one_server.ELSEWHERE.values() if name.startswith(left_out)] == []
