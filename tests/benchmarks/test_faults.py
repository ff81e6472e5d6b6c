"""The benchmark of failures offers what is there, and every part of it can be run and judged."""

from __future__ import annotations

import importlib

import pytest

from benchmarks.faults import bench


@pytest.mark.parametrize("name", bench.made())
def test_a_part_measures_prints_and_judges(name: str) -> None:
    part = importlib.import_module(bench.PARTS[name])
    assert part.__doc__
    assert all(callable(getattr(part, verb)) for verb in ("measure", "table", "bars"))
