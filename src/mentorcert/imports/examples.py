"""The example organisations that come with the package."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mentorcert import package_files
from mentorcert.db.connection import Connection
from mentorcert.errors import MentorcertError
from mentorcert.imports import importing
from mentorcert.organisations import organisation_file
from mentorcert.organisations.overview import overview
from mentorcert.progress import Progress, silent


@dataclass(frozen=True, slots=True)
class Example:
    """A folder with an organisation and its peer mentors."""

    folder: Path

    def set_up(self, conn: Connection, progress: Progress = silent) -> str:
        """Set the organisation up with its peer mentors, unless it is there; return what happened, in words."""
        file = organisation_file.read(self.folder / "organisation.toml")
        slug, path = file.organisation.slug, self.folder / "mentors.csv"
        if slug in {organisation.organisation for organisation in overview(conn)}:
            return "is there already; kept as it is"
        organisation_file.apply(conn, file)
        report = importing.import_file(conn, path, slug, progress=progress)
        if report.counts is None:
            raise MentorcertError(
                f"{path} has bad rows; nothing of it was written.",
                hint=f"Run `mentorcert import {path} --organisation {slug}` to see them.",
            )
        return (
            f"{slug}: {report.counts.mentors_added} peer mentors, "
            f"{report.counts.certifications_added} certifications"
        )


def every() -> Iterator[Example]:
    """Return the examples, in the order of their folders."""
    for folder in sorted(package_files.folder("examples").iterdir()):
        if (folder / "organisation.toml").is_file():
            yield Example(folder)
