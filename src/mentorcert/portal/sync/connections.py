"""The configured connections of a process: opens their portals."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

from mentorcert.errors import OtherPortalError, PortalConfigurationError
from mentorcert.portal import adapters
from mentorcert.portal.adapters.port import Portal
from mentorcert.portal.config import configuration
from mentorcert.portal.config.configuration import Configuration, WebhookTarget
from mentorcert.portal.config.rules import Inbound
from mentorcert.portal.sync.state_queue import Connection


class Connections:
    """Configurations by organisation (slug)."""

    def __init__(self, configurations: Iterable[Configuration]) -> None:
        self._by_organisation = {one.organisation: one for one in configurations}

    @classmethod
    def read(cls, files: Iterable[Path]) -> Self:
        """Read the files; raises PortalConfigurationError, also for two of one organisation."""
        return cls.read_each(files, [""])[""]

    @classmethod
    def read_each(cls, files: Iterable[Path], databases: Sequence[str]) -> dict[str, Self]:
        """Read the files of several databases, each of which its file names; raises PortalConfigurationError."""
        by_database: dict[str, dict[str, Configuration]] = {name: {} for name in databases}
        for file in files:
            one = configuration.load(file)
            found = by_database.get("" if databases == [""] else one.database or "")
            if found is None:
                raise PortalConfigurationError(
                    f"{file}: names no database that is set.",
                    hint=f'Say whose organisation it is, such as database = "{databases[0]}".',
                )
            if one.organisation in found:
                raise PortalConfigurationError(
                    f"{file}: another file is for {one.organisation} too.",
                    hint="Give one file per organisation.",
                )
            found[one.organisation] = one
        return {name: cls(found.values()) for name, found in by_database.items()}

    @property
    def organisations(self) -> list[str]:
        """The slugs of the configured organisations."""
        return list(self._by_organisation)

    @property
    def configurations(self) -> list[Configuration]:
        """The configurations, in no order."""
        return list(self._by_organisation.values())

    @property
    def fingerprints(self) -> dict[str, dict[str, Any]]:
        """Which portal each file names, by organisation."""
        return {slug: of.fingerprint for slug, of in self._by_organisation.items()}

    def misdirected(self, connections: Iterable[Connection]) -> list[str]:
        """Return the organisations whose files name another portal than the recorded one."""
        return [
            one.organisation
            for one in connections
            if one.target is not None
            and one.organisation in self._by_organisation
            and self._by_organisation[one.organisation].fingerprint != one.target
        ]

    @property
    def inbound(self) -> dict[str, Inbound]:
        """The [inbound] tables by organisation, of the files that have one."""
        return {slug: of.inbound for slug, of in self._by_organisation.items() if of.inbound is not None}

    def open(self, connection: Connection) -> Portal:
        """Return the portal of a connection.

        Raises PortalConfigurationError without a file, or where it differs from the recorded connection.
        """
        return adapters.connect(self._of(connection))

    def _of(self, connection: Connection) -> Configuration:
        of = self._by_organisation.get(connection.organisation)
        if of is None:
            raise PortalConfigurationError(
                f"No file is given for the connection of {connection.organisation}.",
                hint="Start the worker with --connection FILE.",
            )
        if (of.target.adapter, contract_version(of)) != (connection.adapter, connection.contract_version):
            raise PortalConfigurationError(
                f"The file of {connection.organisation} differs from the recorded connection.",
                hint="Nothing is sent. Give the same file to `mentorcert portal connect` and to the worker.",
            )
        if connection.target is not None and connection.target != of.fingerprint:
            given = of.fingerprint
            differs = sorted(
                name
                for name in connection.target.keys() | given.keys()
                if connection.target.get(name) != given.get(name)
            )
            raise OtherPortalError(
                f"The file of {connection.organisation} names another portal than the recorded one: {', '.join(differs)}.",
                hint="Nothing is sent. Give the file that was connected; if the portal has changed, connect with --other-portal.",
            )
        return of


def contract_version(configuration: Configuration) -> str:
    """Return the contract version that states are rendered in; only the webhook adapter has a choice."""
    return configuration.target.contract_version if isinstance(configuration.target, WebhookTarget) else "v1"
