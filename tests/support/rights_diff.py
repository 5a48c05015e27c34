"""What a change means for people's rights, in words: two Git versions compared, and the note that must say the same.

`make rights-diff` writes the note; continuous integration shows the words and fails where the note lacks or invents one.
"""

import argparse
import hashlib
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

ROOT: Final = Path(__file__).parents[2]
RIGHTS: Final = "src/mentorcert/access/expected_rights.txt"
SCHEMA: Final = "supabase/schema.sql"
NOTE: Final = "docs/rights_changes.md"
_HEADING: Final = "## Unreleased\n"

_POLICY: Final = re.compile(r'(policy|restriction) on ([^:]+): ("(?:[^"]|"")*"|\S+) (.*)')
_EXECUTION: Final = re.compile(r"(\w+): execute (\S+?)\(.*\) as its (definer|caller).*")
_FUNCTION: Final = re.compile(
    r"^CREATE FUNCTION ([^\s(]+)(\(.*?\)) RETURNS .*?^    AS (\$\w*\$).*?\3;$", re.MULTILINE | re.DOTALL
)
_TRIGGER: Final = re.compile(
    r"^CREATE (?:CONSTRAINT )?TRIGGER (\S+) .*? ON (\S+) .*?;$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Version:
    """What decides over rights in one version: each right by itself, and each function and trigger by its name."""

    rights: frozenset[str]
    functions: Mapping[str, str]
    triggers: Mapping[str, str]

    @classmethod
    def parse(cls, rights: str, schema: str) -> Self:
        """Read the list of rights and the generated schema."""
        return cls(
            frozenset(rights.splitlines()),
            {found[1] + found[2]: found[0] for found in _FUNCTION.finditer(schema)},
            {f"{found[1]} on {found[2]}": found[0] for found in _TRIGGER.finditer(schema)},
        )


def words(before: Version, after: Version) -> list[str]:
    """Return a sentence for each difference: who gains or loses what, what a policy says, what works otherwise."""
    return [
        *_policies(before.rights, after.rights),
        *_grants(before.rights, after.rights),
        *_definitions("function", before.functions, after.functions, _callers(after.rights)),
        *_definitions("trigger", before.triggers, after.triggers, {}),
    ]


def _policies(before: frozenset[str], after: frozenset[str]) -> Iterator[str]:
    former, latter = _policies_of(before), _policies_of(after)
    for key in sorted(former.keys() | latter.keys()):
        kind, table, name = key
        rule = f"the {kind} {name} on {table}"
        match former.get(key), latter.get(key):
            case None, str(said):
                yield f"new is {rule}, {said}"
            case str(said), None:
                yield f"gone is {rule}, {said}"
            case str(said), str(says) if said != says:
                yield f"{rule} now says: {says}; it said: {said}"


def _policies_of(rights: frozenset[str]) -> dict[tuple[str, str, str], str]:
    found = filter(None, map(_POLICY.fullmatch, rights))
    return {(policy[1], policy[2], policy[3]): policy[4] for policy in found}


def _grants(before: frozenset[str], after: frozenset[str]) -> Iterator[str]:
    for rights, verb in ((after - before, "gains"), (before - after, "loses")):
        for right in sorted(rights):
            if not _POLICY.fullmatch(right):
                holder, _, what = right.partition(": ")
                yield f"{holder} {verb}: {what}"


def _callers(rights: frozenset[str]) -> dict[str, list[str]]:
    callers: dict[str, list[str]] = {}
    for found in filter(None, map(_EXECUTION.fullmatch, sorted(rights))):
        callers.setdefault(found[2], []).append(f"{found[1]} as its {found[3]}")
    return callers


def _definitions(
    kind: str, before: Mapping[str, str], after: Mapping[str, str], callers: Mapping[str, list[str]]
) -> Iterator[str]:
    for name in sorted(before.keys() | after.keys()):
        former, latter = before.get(name), after.get(name)
        if latter is None:
            yield f"gone is the {kind} {name}"
        elif former != latter:
            # By the digest, a note stands for this definition and for no later one.
            digest = hashlib.sha256(latter.encode()).hexdigest()[:12]
            executed = " and ".join(callers.get(name.partition("(")[0], []))
            introduced = "new is" if former is None else "another definition has"
            yield f"{introduced} the {kind} {name} ({digest})" + (
                f"; it is executed by {executed}" if executed else ""
            )


def noted(text: str) -> Counter[str]:
    """Return the sentences of a note, unwrapped, each as often as it stands there."""
    return Counter(line.removeprefix("- ") for line in text.splitlines() if line.startswith("- "))


def with_notes(text: str, sentences: list[str], outdated: Counter[str]) -> str:
    """Return the note with these sentences on top, without those that are not true any more."""
    left = outdated.copy()
    kept = []
    for line in text.splitlines(keepends=True):
        sentence = line.removeprefix("- ").rstrip("\n")
        if line.startswith("- ") and left[sentence] > 0:
            left[sentence] -= 1
        else:
            kept.append(line)
    return "".join(kept).replace(
        _HEADING + "\n", _HEADING + "\n" + "".join(f"- {one}\n" for one in sentences), 1
    )


def _git(root: Path, *arguments: str) -> str:
    run = subprocess.run(
        ["git", *arguments], cwd=root, capture_output=True, text=True, timeout=60, check=False
    )
    if run.returncode:
        sys.exit(f"git {' '.join(arguments)}: {run.stderr.strip()}")
    return run.stdout


def main(root: Path = ROOT, arguments: list[str] | None = None) -> int:
    """Print what has changed since a version, and write the note, or check it: 1 where it says something else."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("base", help="the version to compare with, such as main")
    parser.add_argument("--check", action="store_true", help="fail where the note says something else")
    given = parser.parse_args(arguments)
    base = _git(root, "merge-base", given.base, "HEAD").strip()
    before = Version.parse(*(_git(root, "show", f"{base}:{path}") for path in (RIGHTS, SCHEMA)))
    after = Version.parse(*((root / path).read_text("utf-8") for path in (RIGHTS, SCHEMA)))
    sentences = words(before, after)
    sys.stdout.write("".join(f"- {sentence}\n" for sentence in sentences) or "Nobody's rights change.\n")

    note = (root / NOTE).read_text("utf-8")
    has_note = bool(_git(root, "ls-tree", base, "--", NOTE))
    added = noted(note) - noted(_git(root, "show", f"{base}:{NOTE}") if has_note else "")
    missing, outdated = Counter(sentences) - added, added - Counter(sentences)
    if not given.check:
        (root / NOTE).write_text(with_notes(note, list(missing.elements()), outdated), "utf-8")
        return 0
    for what, differing in (("lacks", missing), ("says, and it is not so", outdated)):
        for sentence in differing.elements():
            sys.stderr.write(f"{NOTE} {what}: {sentence}\n")
    if missing or outdated:
        sys.stderr.write("Run `make rights-diff`, read what it writes, and commit it.\n")
    return bool(missing or outdated)


if __name__ == "__main__":
    sys.exit(main())
