"""Puts the model that KORA ships into the store before any worker starts: a child of `up`."""

from __future__ import annotations

import sys

from inference.local import models, shipped_model
from inference.local.errors import ModelError
from inference.local.models import Store
from kora_site import environment


def is_due() -> bool:
    """Asked by the supervisor itself, so it loads nothing and forgives everything."""
    try:
        return shipped_model.is_due(_store())
    except OSError:
        return False


def main() -> None:
    try:
        model = shipped_model.place(_store())
    except (ModelError, OSError) as error:
        sys.exit(f"{shipped_model.NAME} could not be put into {_store().folder}: {error}")
    print(f"{model.reference} is in the store", flush=True)


def _store() -> Store:
    models.use(environment.home() / "models")
    return models.store()


if __name__ == "__main__":
    main()
