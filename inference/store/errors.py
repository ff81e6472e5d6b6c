"""What can be wrong with a model file, its place or its use; the message is for people."""


class ModelError(Exception):
    """Something about a model file cannot be done."""


class AbsentModelError(ModelError):
    """No model of that name is in the store."""


class DamagedModelError(AbsentModelError):
    """The file is not what was taken in any more: it counts as absent until it is brought again."""

    def __init__(self, reference: str, how: str) -> None:
        super().__init__(
            f"The file of {reference} is damaged: {how}. Nothing is answered from it. Remove it "
            "and bring it again; what comes with KORA is made anew at the next start. "
            "`manage.py models check` looks at every file."
        )


class BadModelError(ModelError):
    """The file is no whole, plain GGUF model."""


class FetchError(ModelError):
    """A file cannot be had from where it is."""


class CutError(FetchError):
    """The connection ended or the server stumbled: trying again may help."""


class UnreachableError(CutError):
    """Nobody answers there at all."""
