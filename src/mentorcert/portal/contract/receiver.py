"""The rule of every receiver, which makes lost, repeated and reordered messages harmless."""


def is_news(version: tuple[int, int], stored: tuple[int, int] | None) -> bool:
    """Return whether to apply a message over what is `stored`, each an epoch and a version; None: nothing is.

    If not, the receiver still answers 2xx, so that the sender does not retry.
    """
    return stored is None or version > stored
