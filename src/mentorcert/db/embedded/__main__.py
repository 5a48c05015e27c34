"""Runs one of the server's own programs on the embedded database, such as `psql` or `pg_dump`."""

import subprocess
import sys

from mentorcert.db import embedded
from mentorcert.errors import MentorcertError
from mentorcert.settings import settings


def main(program: str = "psql", *arguments: str) -> int:
    """Run the program, and keep the server running meanwhile; returns its exit code."""
    try:
        url = embedded.start(settings().home)
        command = [str(embedded.binaries() / program), "--dbname", url, *arguments]
        return subprocess.run(command, check=False).returncode
    except MentorcertError as error:
        sys.stderr.write(f"error: {error}\nhint: {error.hint}\n")
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
