"""The Supabase CLI on the migrations of this checkout; what it writes goes into a folder of its own."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.support import processes
from tests.support.generated_docs import ROOT
from tests.support.servers import DEBIAN_15, EMBEDDED_18, Server

_PROGRAM: Final = ROOT / "node_modules" / ".bin" / "supabase"
_IS_MISSING: Final = not _PROGRAM.exists() or shutil.which("node") is None

# CI is set by every service that runs tests for others to rely on: there, nothing is left out.
needs_supabase_cli = pytest.mark.skipif(
    _IS_MISSING and "CI" not in os.environ,
    reason="the Supabase CLI is not installed: it needs Node.js 20 and `npm ci`",
)
# The CLI goes past a pooler, so it has nothing to say there.
on_both_servers = pytest.mark.parametrize("server", [EMBEDDED_18, DEBIAN_15], indirect=True)


@dataclass(frozen=True, slots=True)
class SupabaseCli:
    """Runs `supabase` on the databases of a server."""

    server: Server
    folder: Path

    def __post_init__(self) -> None:
        (self.folder / "supabase").mkdir()
        for name in ("config.toml", "migrations", "seed.sql"):
            (self.folder / "supabase" / name).symlink_to(ROOT / "supabase" / name)
        # It wants these inside of the folder.
        shutil.copytree(ROOT / "supabase" / "templates", self.folder / "supabase" / "templates")

    def run(self, *arguments: str, database: str) -> subprocess.CompletedProcess[str]:
        """Run a command on the database of a connection string; fails with the CLI's words where it fails."""
        name = str(conninfo_to_dict(database)["dbname"])
        return processes.run(
            _PROGRAM,
            *("--workdir", str(self.folder), *arguments, f"--remote={self.server.tcp_url(name)}"),
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.folder),
                "DO_NOT_TRACK": "1",
                "SUPABASE_TELEMETRY_DISABLED": "1",
                "SUPABASE_NO_UPDATE_NOTIFIER": "1",
                "SUPABASE_NO_KEYRING": "1",
            },
        )

    def ask(self, *arguments: str, database: str) -> Any:
        """Run a command and return what it prints as JSON."""
        return json.loads(self.run("--output-format", "json", *arguments, database=database).stdout)
