"""What a model cannot be made to say."""


class UnusableSchemaError(Exception):
    """A JSON schema cannot be turned into a grammar; the message says what of it."""
