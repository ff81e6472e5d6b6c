"""What can go wrong with knowing who somebody is."""


class InvalidKey(Exception):  # noqa: N818
    """This API key is missing, malformed, unknown, revoked or expired."""
