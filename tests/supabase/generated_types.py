"""The rows of the Data API as Python types; `python -m tests.supabase.generated_types` writes them again."""

import re
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.supabase.cli import SupabaseCli
from tests.support import processes
from tests.support.generated_docs import ROOT
from tests.support.servers import embedded_18

MODULE: Final = ROOT / "src" / "mentorcert" / "db" / "row_types.py"

_HEAD: Final = '''"""The rows that the Data API returns, a class for each table; written by `make types`."""

from datetime import date, datetime, time
from typing import Any, List, Literal, Optional
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue


class _Row(BaseModel):
    # Rows hold personal data, which no error may show.
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)
'''
_ROW: Final = re.compile(r"^class (Public|Mentorcert)(\w+)\(BaseModel\):\n((?:    .*\n)+)", re.MULTILINE)


def generate(supabase_cli: SupabaseCli, database: str) -> str:
    """Return the module, made from what the Supabase CLI makes of the exposed schemas.

    What the CLI has for INSERT and UPDATE is left out: it names columns that no client may write, in types
    that JSON does not know.
    """
    made = supabase_cli.run(
        "gen", "types", "--lang", "python", "--schema", "public,mentorcert", database=database
    ).stdout
    return _in_style("\n\n".join([_HEAD, *map(_class, _ROW.finditer(made))]))


def _class(match: re.Match[str]) -> str:
    schema, name, columns = match.groups()
    table = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
    columns = re.sub(r'(\w+)(: .+) = Field\(alias="\1"\)', r"\1\2", columns)
    columns = columns.replace("uuid.UUID", "UUID").replace("datetime.", "")
    return f'class {schema}{name}(_Row):\n    """A row of `{schema.lower()}.{table}`."""\n\n{columns}'


def _in_style(source: str) -> str:
    for command in (("check", "--fix-only", "--quiet"), ("format", "--quiet")):
        ruff = [sys.executable, "-m", "ruff", *command, "--stdin-filename", MODULE, "-"]
        source = processes.run(*ruff, stdin=source).stdout
    return source


def main() -> None:
    """Write the module again, from a database of its own."""
    with (
        embedded_18() as server,
        server.migrated_template() as database,
        tempfile.TemporaryDirectory() as folder,
    ):
        cli = SupabaseCli(server, Path(folder))
        MODULE.write_text(generate(cli, server.database_url(database)), "utf-8")


if __name__ == "__main__":
    main()
