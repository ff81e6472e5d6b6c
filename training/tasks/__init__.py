"""The tasks kora-mini is trained for, by the name that its table shows."""

from __future__ import annotations

from training.sample import Maker
from training.tasks import extraction, formatting, numbers, products, reading, support, talk

TASKS: dict[str, Maker] = {
    "small talk": talk.small_talk,
    "limits": talk.limits,
    "repeat": formatting.repeat,
    "case": formatting.case,
    "lists": formatting.bullets,
    "json": formatting.to_json,
    "csv": formatting.csv,
    "sort": formatting.sort,
    "dedupe": formatting.dedupe,
    "extract": extraction.extract,
    "classify": support.classify,
    "reading": reading.answer,
    "sums": numbers.sums,
    "units": numbers.units,
    "products": products.described,
}
