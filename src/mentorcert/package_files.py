"""Where the files that are no Python modules lie: in an installed wheel, or in the checkout."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = _PACKAGE.parents[1]


def folder(name: str) -> Path:
    """Return the folder `supabase` or `examples`; raises FileNotFoundError where neither place has it."""
    for candidate in (_PACKAGE / name, _CHECKOUT / name):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"mentorcert was installed without its folder {name!r}")


def migrations() -> Path:
    """Return the folder of the migration files."""
    return folder("supabase") / "migrations"
