"""The rule that every receiver keeps, and that makes lost, repeated and overtaking messages harmless."""


def is_news(mentor_version: int, stored: int | None) -> bool:
    """Say whether a message of this version is to be applied where `stored` is; None: nothing is stored.

    Where it is not, the receiver answers 2xx all the same: the sender is to stop sending it.
    """
    return stored is None or mentor_version > stored
