"""The templated workload in small: it learns, is exact where it fills, and refuses the rest."""

from __future__ import annotations

import pytest

from benchmarks.cache import families, templated


@pytest.fixture(scope="module")
def rows() -> dict[str, dict[str, object]]:
    measured = templated.measure(3_000, epsilon=0.1)
    return {row["family"]: row for row in measured}


def test_what_is_not_made_of_its_slots_is_never_filled(
    rows: dict[str, dict[str, object]],
) -> None:
    for family in families.FAMILIES:
        if not family.made:
            assert rows[family.name]["filled"] == 0, family.name


def test_what_is_made_of_its_slots_is_filled_and_exact(
    rows: dict[str, dict[str, object]],
) -> None:
    for name in ("product description", "ticket as JSON", "shopping list"):
        assert rows[name]["filled"], name
        assert rows[name]["wrong"] == 0, name


def test_the_same_seed_gives_the_same_rows_and_a_table_names_every_family() -> None:
    once, again = templated.measure(300), templated.measure(300)
    assert once == again
    shown = templated.table(once)
    assert all(family.name in shown for family in families.FAMILIES)
