"""What operators set is in force, and what makes no sense ends the start with a sentence."""

from __future__ import annotations

import pytest

from kora_site import environment

NAME = "KORA_IN_FLIGHT_LIMIT"


@pytest.mark.parametrize(("given", "found"), [("", 1000), ("1", 1), ("20", 20)])
def test_a_whole_number_is_read(monkeypatch: pytest.MonkeyPatch, given: str, found: int) -> None:
    monkeypatch.setenv(NAME, given)
    assert environment.whole(NAME, 1000, 100_000) == found


@pytest.mark.parametrize("given", ["0", "-1", "1.5", "many", "100001"])
def test_what_is_none_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv(NAME, given)
    with pytest.raises(SystemExit, match=f"{NAME} must be a whole number from 1 to 100000"):
        environment.whole(NAME, 1000, 100_000)
