"""Puts the models that come with KORA into the store before any worker starts: a child of `up`."""

from __future__ import annotations

import sys
from types import ModuleType

from inference.embeddings import minilm
from inference.store import models, shipped_model
from inference.store.errors import ModelError
from inference.store.models import Store
from kora_site import environment

SHIPPED = (shipped_model, minilm)


def is_due() -> bool:
    """Asked by the supervisor itself, so it loads nothing and forgives everything. What a kill left
    half made is cleared away by the way."""
    try:
        _store().sweep()
        return any(each.is_due(_store()) for each in SHIPPED)
    except OSError:
        return False


def main() -> None:
    """One that cannot be placed keeps none of the others out."""
    missing = [each.NAME for each in SHIPPED if each.is_due(_store()) and not _is_placed(each)]
    if missing:
        sys.exit(f"not in the store: {', '.join(missing)}")


def _is_placed(each: ModuleType) -> bool:
    try:
        model = each.place(_store())
    except (ModelError, OSError) as error:
        print(f"{each.NAME} could not be put into {_store().folder}: {error}", flush=True)
        return False
    print(f"{model.reference} is in the store", flush=True)
    return True


def _store() -> Store:
    models.use(environment.home() / "models")
    return models.store()


if __name__ == "__main__":
    main()
