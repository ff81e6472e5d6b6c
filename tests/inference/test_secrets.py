from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.secrets import SecretUnreadableError, open_sealed, seal, sealed_with

AAD = "routing_backend/7"


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_what_was_sealed_opens_again(plain: str) -> None:
    assert open_sealed(seal(plain, "site", AAD), "site", AAD) == plain


def test_a_sealed_secret_shows_nothing_and_never_looks_the_same() -> None:
    one, two = seal("sk-live-1", "site", AAD), seal("sk-live-1", "site", AAD)
    assert "sk-live" not in one
    assert one != two


@pytest.mark.parametrize(
    ("keys", "aad"), [(["other"], AAD), (["site"], "routing_backend/8"), ([], AAD)]
)
def test_it_opens_with_no_other_key_and_in_no_other_row(keys: list[str], aad: str) -> None:
    with pytest.raises(SecretUnreadableError):
        open_sealed(seal("sk-live-1", "site", AAD), keys, aad)


def test_a_changed_secret_does_not_open() -> None:
    sealed = seal("sk-live-1", "site", AAD)
    for at in range(len(sealed)):
        changed = sealed[:at] + ("A" if sealed[at] != "A" else "B") + sealed[at + 1 :]
        with pytest.raises(SecretUnreadableError):
            open_sealed(changed, "site", AAD)


@given(st.text())
def test_nonsense_does_not_open(sealed: str) -> None:
    with pytest.raises(SecretUnreadableError):
        open_sealed(sealed, ["site"], AAD)


def test_a_former_key_still_opens_while_secrets_are_sealed_again() -> None:
    former = seal("sk-live-1", "2024", AAD)
    assert open_sealed(former, ["2025", "2024"], AAD) == "sk-live-1"
    assert not sealed_with(former, "2025")
    again = seal(open_sealed(former, ["2025", "2024"], AAD), "2025", AAD)
    assert sealed_with(again, "2025")
    assert open_sealed(again, ["2025"], AAD) == "sk-live-1"
