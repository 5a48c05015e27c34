"""What is left out behind the pooler names files and tests that exist."""

from tests import pooler
from tests.generated_docs import ROOT


def test_what_is_left_out_is_there() -> None:
    for name in pooler.LEFT_OUT:
        beginning, _, test = name.partition("::")
        assert any(f"def {test}" in file.read_text() for file in ROOT.glob(f"{beginning}*")), name
