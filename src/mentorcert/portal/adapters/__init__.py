"""The adapters: each fits the port to one kind of portal."""

from typing import assert_never

from mentorcert.portal.adapters.dataverse import DataversePortal
from mentorcert.portal.adapters.file import FilePortal
from mentorcert.portal.adapters.port import Portal
from mentorcert.portal.adapters.webhook import WebhookPortal
from mentorcert.portal.config.configuration import Configuration, DataverseTarget, FileTarget, WebhookTarget


def connect(configuration: Configuration) -> Portal:
    """Return the portal that a configuration describes; raises SecretUnreadableError and SettingError.

    Call it where an event loop runs; nothing is sent yet.
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
