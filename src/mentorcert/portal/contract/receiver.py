"""The rule of every receiver, which makes lost, repeated and reordered messages harmless."""


def is_news(mentor_version: int, stored: int | None) -> bool:
    """Return whether to apply a message of this version over the `stored` one; None: nothing is stored.

    If not, the receiver still answers 2xx, so that the sender does not retry.
    """
    return stored is None or mentor_version > stored
