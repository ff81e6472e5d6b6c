from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.local.text import Text
from inference.local.words import Piece, Scored


def pieces(written: bytes, stops: tuple[str, ...], size: int = 1) -> list[str]:
    text = Text(stops)
    found = []
    for start in range(0, len(written), size):
        piece = text.add(written[start : start + size])
        found += [piece.text] if piece else []
        if text.stopped:
            break
    rest = text.end()
    return found + ([rest.text] if rest else [])


@given(written=st.text(), size=st.integers(1, 5))
def test_characters_are_never_cut(written: str, size: int) -> None:
    assert "".join(pieces(written.encode(), (), size)) == written


@pytest.mark.parametrize(
    ("written", "stops", "said"),
    [
        ("one STOP two", ("STOP",), "one "),
        ("one STO two", ("STOP",), "one STO two"),
        ("one STO", ("STOP",), "one STO"),
        ("ababac", ("abac",), "ab"),
        ("first b then a", ("a", "b"), "first "),
        ("xéèy", ("éè",), "x"),
        ("STOP", ("STOP",), ""),
        ("anything", ("",), "anything"),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 50])
def test_a_stop_string_ends_the_text_wherever_tokens_cut_it(
    written: str, stops: tuple[str, ...], said: str, size: int
) -> None:
    assert "".join(pieces(written.encode(), stops, size)) == said


@given(
    written=st.text("abc"),
    stops=st.lists(st.text("abc", min_size=1, max_size=4), min_size=1, max_size=3),
    size=st.integers(1, 4),
)
def test_nothing_of_a_stop_string_is_ever_said(written: str, stops: list[str], size: int) -> None:
    said = "".join(pieces(written.encode(), tuple(stops), size))
    assert not any(stop in said for stop in stops)
    assert written.startswith(said)
    if not any(stop in written for stop in stops):
        assert said == written


def test_what_can_no_longer_begin_a_stop_string_is_said_at_once() -> None:
    text = Text(("STOP",))
    assert text.add(b"aST") == Piece(text="a")
    assert text.add(b"x") == Piece(text="STx")


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert "".join(pieces(b"a\xff\xe2\x82", ())) == "a\ufffd\ufffd"


def test_scored_tokens_go_with_their_text_and_not_beyond_a_stop() -> None:
    text = Text(("END",))
    names = []
    for token in (b"a", b"\xc3", b"\xa9", b"E", b"N", b"D"):
        piece = text.add(token, Scored(token=token, logprob=0))
        names.append([one.token for one in piece.scored] if piece else [])
    assert names == [[b"a"], [b"\xc3"], [b"\xa9"], [], [], []]


def test_scored_tokens_that_were_held_back_come_in_the_end() -> None:
    text = Text(("END",))
    assert text.add(b"E", Scored(token=b"E", logprob=0)) is None
    last = text.end()
    assert last is not None
    assert [one.token for one in last.scored] == [b"E"]
