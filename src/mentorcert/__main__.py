"""`python -m mentorcert` is the command `mentorcert`."""

from mentorcert.cli import app

app(prog_name="mentorcert")
