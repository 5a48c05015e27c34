"""The adapters: each implements the port for one kind of portal."""

from typing import Any, assert_never

from mentorcert.portal.adapters.dataverse import DataversePortal, columns_of
from mentorcert.portal.adapters.file import FilePortal
from mentorcert.portal.adapters.port import Portal
from mentorcert.portal.adapters.webhook import WebhookPortal, rendered
from mentorcert.portal.config.configuration import Configuration, DataverseTarget, FileTarget, WebhookTarget
from mentorcert.portal.contract import v1
from mentorcert.portal.model import DesiredState


def connect(configuration: Configuration) -> Portal:
    """Return the portal that a configuration describes; raises SecretUnreadableError and SettingError.

    Needs a running event loop; sends nothing.
    """
    match configuration.target:
        case WebhookTarget() as target:
            return WebhookPortal(configuration, target)
        case DataverseTarget() as target:
            return DataversePortal(configuration, target)
        case FileTarget() as target:
            return FilePortal(configuration, target)
        case _:
            assert_never(configuration.target)


def payload(configuration: Configuration, state: DesiredState) -> Any:
    """Return what would be sent of a state, as JSON: an event, a row's columns, or a row of the file.

    Raises MessageInvalidError where the event violates our own contract's schema.
    """
    match configuration.target:
        case WebhookTarget() as target:
            return rendered(state, target).event
        case DataverseTarget() as target:
            return columns_of(state, target)
        case FileTarget():
            return v1.data(state)
        case _:
            assert_never(configuration.target)
