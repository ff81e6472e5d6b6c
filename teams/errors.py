"""What can go wrong with knowing who somebody is, and with what they change."""


class InvalidKey(Exception):  # noqa: N818
    """This API key is missing, malformed, unknown, revoked or expired."""


class Stale(Exception):  # noqa: N818
    """This has changed since you read it: read it again, and send its new ETag as If-Match."""


class LastOwner(Exception):  # noqa: N818
    """A team needs an owner: make somebody else an owner first."""
