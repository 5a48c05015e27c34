"""The configured connections of a process: opens their portals, rehearses messages."""

from collections.abc import Iterable
from pathlib import Path
from typing import Self

from mentorcert.errors import PortalConfigurationError
from mentorcert.portal import adapters
from mentorcert.portal.adapters.port import Portal
from mentorcert.portal.config import configuration
from mentorcert.portal.config.configuration import Configuration, WebhookTarget
from mentorcert.portal.config.rules import Inbound
from mentorcert.portal.contract import message, schemas
from mentorcert.portal.contract.message import ContractVersion
from mentorcert.portal.model import DesiredState
from mentorcert.portal.sync.state_queue import Connection


class Connections:
    """Configurations by organisation (slug)."""

    def __init__(self, configurations: Iterable[Configuration]) -> None:
        self._by_organisation = {one.organisation: one for one in configurations}

    @classmethod
    def read(cls, files: Iterable[Path]) -> Self:
        """Read the files; raises PortalConfigurationError, also for two of one organisation."""
        found: dict[str, Configuration] = {}
        for file in files:
            one = configuration.load(file)
            if one.organisation in found:
                raise PortalConfigurationError(
                    f"{file}: another file is for {one.organisation} too.",
                    hint="Give one file per organisation.",
                )
            found[one.organisation] = one
        return cls(found.values())

    @property
    def organisations(self) -> list[str]:
        """The slugs of the configured organisations."""
        return list(self._by_organisation)

    @property
    def configurations(self) -> list[Configuration]:
        """The configurations, in no order."""
        return list(self._by_organisation.values())

    @property
    def inbound(self) -> dict[str, Inbound]:
        """The [inbound] tables by organisation, of the files that have one."""
        return {slug: of.inbound for slug, of in self._by_organisation.items() if of.inbound is not None}

    def open(self, connection: Connection) -> Portal:
        """Return the portal of a connection.

        Raises PortalConfigurationError without a file, or where it differs from the recorded connection.
        """
        return adapters.connect(self._of(connection))

    def rehearse(self, connection: Connection, state: DesiredState) -> None:
        """Render a message and check it against the contract's schema; raises MessageInvalidError."""
        of = self._of(connection)
        schemas.check(message.render(state, target="rehearsal", version=contract_version(of)))

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
        return of


def contract_version(configuration: Configuration) -> ContractVersion:
    """Return the contract version that states are rendered in; only the webhook adapter has a choice."""
    return configuration.target.contract_version if isinstance(configuration.target, WebhookTarget) else "v1"
