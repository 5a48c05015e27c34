"""Phrases that the project does not use, and what it says instead: `make words`."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.support.processes import run

ROOT: Final = Path(__file__).parents[2]
SUFFIXES: Final = frozenset({".py", ".sql", ".md", ".html"})
# This list itself, and what is generated from the code: its words are corrected where they come from.
NOT_READ: Final = frozenset(
    {"tests/support/words.py", "tests/unit/test_documents.py", "docs/commands.md", "supabase/schema.sql"}
)

INSTEAD: Final = {
    r"(?<!\.)(?:tell|tells|told|telling)": "send, report, notify, say, show",
    "whoever|whomever": "anyone who, the person who",
    "anew": "again",
    "as of now|of now": "current, at present",
    "in vain": "without success",
    "so many": "the number of",
    "(?:is|are|was|were) (?:not )?to be": "must be, is",
    "what (?:comes|came|becomes|became) of": "the result of, what happens to",
    "(?:to|can|could) be had": "is available",
    "mend|mends|mended|mending": "correct, fix",
}
_GAP: Final = r"\s+(?:(?:#|--|//)\s*)?"  # also over the end of a line, in a comment too
_PHRASES: Final = [
    (re.compile(rf"\b(?:{phrase.replace(' ', _GAP)})\b", re.IGNORECASE), instead)
    for phrase, instead in INSTEAD.items()
]
_GENERATED: Final = re.compile(r"<!-- generated: .*?<!-- end of generated -->", re.DOTALL)


def found_in(text: str) -> Iterator[tuple[int, str, str]]:
    """Each banned phrase of a text: its line, the phrase, and what to say instead."""
    text = _GENERATED.sub(lambda match: "\n" * match[0].count("\n"), text)
    hits = [(match, instead) for pattern, instead in _PHRASES for match in pattern.finditer(text)]
    for match, instead in sorted(hits, key=lambda hit: hit[0].start()):
        yield text.count("\n", 0, match.start()) + 1, " ".join(match[0].split()), instead


def files(*within: str) -> Iterator[Path]:
    """The files under version control, or about to be, that are read; all, or those within these paths."""
    listed = ("git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *within)
    for name in run(*listed, cwd=ROOT).stdout.splitlines():
        path = ROOT / name
        if path.suffix in SUFFIXES and name not in NOT_READ and path.exists():
            yield path


def main() -> None:
    """Print every banned phrase in the paths given, or everywhere, and fail if there is any."""
    hits = [
        f"{path.relative_to(ROOT)}:{line}: {phrase} → {instead}"
        for path in files(*sys.argv[1:])
        for line, phrase, instead in found_in(path.read_text("utf-8"))
    ]
    print(*hits, sep="\n", end="\n" if hits else "")  # noqa: T201
    sys.exit(1 if hits else 0)


if __name__ == "__main__":
    main()
