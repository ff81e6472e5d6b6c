"""The names of the backends that answer questions, for rooms that know no backends."""

from __future__ import annotations

from routing.models import Backend


def answering() -> frozenset[str]:
    """One that is switched off has its name all the same; embedders answer nothing."""
    rows = Backend.objects.exclude(capabilities__contains=["embeddings"])
    return frozenset(rows.values_list("name", flat=True))
