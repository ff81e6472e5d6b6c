"""What can go wrong with answers that are kept."""


class NoEmbedder(Exception):  # noqa: N818
    """Nothing can make vectors at the moment, so nothing can be looked for by meaning."""


class Unfit(Exception):  # noqa: N818
    """What was asked for cannot be done so; the message says what has to change."""

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class WrongDimensions(Exception):  # noqa: N818
    """This vector has not the length of its generation's."""
