"""The fenced blocks of the documents, and how each kind of them is run."""

import os
import re
import socket
import sys
import textwrap
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from mentorcert.portal.config.configuration import Configuration
from tests.support import command, processes
from tests.support.generated_docs import ROOT
from tests.support.servers import Server

DOCUMENTS: Final = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
NOT_RUN: Final = frozenset(
    {"text", "mermaid", "dart", "ini"}
)  # dart, ini and mermaid have tests of their own

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
# What differs from run to run; every other number is a fact, and compared.
_VARIES = [
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "ID"),
    (re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d+)?Z)?"), "TIME"),
    (re.compile(r"(?<=[a-z.\d]):\d+(?=/)"), ":PORT"),
    (re.compile(r"\b\d+\.\d+\b|\b\d+ s\b"), "SECONDS"),
    (re.compile(r"[\s│┃├┤┼─━┏┳┓┡╇┩└┴┘]+"), " "),
]
_EXPECTED = re.compile(r"; -- → (.+)$", re.MULTILINE)

# `make` is only asked whether it has the target; `make run` then sets up as its recipe does. The pages
# that it serves after that are served to a browser in tests/web/browser.
# What never ends by itself is stopped once it says that it has begun; only the staging portal runs on, until
# the document has been read. Tests are collected, not run in a test.
_PRELUDE = """
make() {
  grep --quiet --line-regexp ".PHONY: $1" "$CHECKOUT/Makefile"
  command make --dry-run --directory "$CHECKOUT" "$@" >make.out
  if [ "$1" = run ]; then .venv/bin/mentorcert up --examples; fi
}
.venv/bin/pytest() {
  (cd "$CHECKOUT" && command .venv/bin/pytest --collect-only --quiet "$@")
}
mentorcert-staging() {
  rm -f said
  mkfifo said
  .venv/bin/mentorcert-staging "$@" >said 2>/dev/null &
  echo "$!" >>background
  head --lines 1 said
}
mentorcert() {
  case " $* " in
    *" --once "*) .venv/bin/mentorcert "$@"; return ;;
    " worker "* | " portal worker "* | " portal receive "*) ;;
    *) .venv/bin/mentorcert "$@"; return ;;
  esac
  coproc watch { exec .venv/bin/mentorcert "$@"; }
  local pid=$watch_PID line
  read -r line <&"${watch[0]}"
  echo "$line"
  kill "$pid"
  wait "$pid"
}
"""


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block, without its indentation; `line` is that of its first line in the file."""

    document: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.document.relative_to(ROOT)}, line {self.line}"


def blocks(document: Path) -> Iterator[Block]:
    text = document.read_text("utf-8")
    for match in _FENCE.finditer(text):
        line = text.count("\n", 0, match.start(3)) + 1
        yield Block(document, line, match[2], textwrap.dedent(match[3]))


def masked(line: str) -> str:
    """A line whose ids, times, ports and table borders do not matter."""
    for pattern, placeholder in _VARIES:
        line = pattern.sub(placeholder, line)
    return line.strip()


def assert_shown(block: Block, expected: str, printed: str) -> None:
    """All that is printed is shown; … stands for lines left out, and within a line for what varies."""
    lines = "\n".join(filter(None, map(masked, printed.splitlines())))
    pattern = ""
    for line in filter(None, map(masked, expected.splitlines())):
        pattern += r"(.+\n)*?" if line == "…" else re.escape(line).replace("…", ".+?") + r"\n"
    is_all = re.fullmatch(pattern, f"{lines}\n" if lines else "")
    assert is_all, f"{block} shows\n{expected}\nbut printed is\n{printed}"


class Reader:
    """Somebody who types what one document says, in a folder and a database of their own; to be closed.

    Where a document names the port 8090, one that is free stands in for it.
    """

    def __init__(self, server: Server, database_url: str, folder: Path) -> None:
        self._folder = folder
        self._psql = server.binaries / "psql"
        self._database_url = database_url
        self._environment = command.environment(database_url, CHECKOUT=str(ROOT), PYTHONWARNINGS="error")
        path = [str(folder / ".venv" / "bin"), str(server.binaries), os.environ["PATH"]]
        self._environment["PATH"] = os.pathsep.join(path)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = str(free.getsockname()[1])

    def close(self) -> None:
        """End what was started to run on."""
        started = self._folder / "background"
        for line in started.read_text("utf-8").split() if started.exists() else ():
            processes.stop(int(line))

    def follow(self, block: Block) -> str:
        """Do what the block says and return what is printed; fails where that is not what it shows."""
        block = replace(block, text=block.text.replace("8090", self._port))
        match block.language:
            case "bash":
                return self._bash(block, block.text)
            case "console":
                typed = [line[2:] for line in block.text.splitlines() if line.startswith("$ ")]
                assert typed, f"{block}: no line begins with $"
                printed = self._bash(block, "\n".join(typed))
                shown = [line for line in block.text.splitlines() if not line.startswith("$ ")]
                assert_shown(block, "\n".join(shown), printed)
                return printed
            case "python":
                return self._run(block, sys.executable, "-c", block.text)
            case "sql":
                return self._sql(block)
            case "toml":
                return self._connection(block)
        raise AssertionError(f"{block}: nobody knows how to run {block.language!r}")

    def _bash(self, block: Block, script: str) -> str:
        return self._run(block, "bash", "-euo", "pipefail", "-c", _PRELUDE + script)

    def _connection(self, block: Block) -> str:
        """Parts of a connection's file stand in one that needs nothing else."""
        least = {
            "organisation": "demo",
            "target": {"adapter": "webhook", "url": "https://portal.example.org/"},
            "auth": [{"method": "hmac", "keys": [{"secret": "env:KEY", "expires": "never"}]}],
        }
        given = tomllib.loads(block.text)
        if given.get("target", {}).get("adapter", "webhook") != "webhook":
            del least["auth"]
        Configuration.model_validate(least | given)
        return ""

    def _sql(self, block: Block) -> str:
        stop = ("--set", "ON_ERROR_STOP=1", "--no-psqlrc", "--quiet", "--no-align", "--tuples-only")
        statements = ("--command", "begin", "--command", block.text, "--command", "rollback")
        printed = self._run(block, self._psql, self._database_url, *stop, *statements)
        results = iter(printed.splitlines())
        for expected in _EXPECTED.findall(block.text):
            assert expected in results, f"{block}: {expected} does not come out:\n{printed}"
        return printed

    def _run(self, block: Block, *program: str | Path) -> str:
        done = processes.run(*program, cwd=self._folder, env=self._environment, check=False)
        assert done.returncode == 0, f"{block}:\n{done.stdout}\n{done.stderr}"
        return done.stdout
