"""What can be wrong with a model file, its place or its use; the message is for people."""


class ModelError(Exception):
    """Something about a model file cannot be done."""


class AbsentModelError(ModelError):
    """No model of that name is in the store."""


class BadModelError(ModelError):
    """The file is no whole, plain GGUF model."""


class FetchError(ModelError):
    """A file cannot be had from where it is."""


class CutError(FetchError):
    """The connection ended or the server stumbled: trying again may help."""


class UnreachableError(CutError):
    """Nobody answers there at all."""
