from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.sse import EventReader, LineTooLongError

STREAM = (
    "\ufeff: a comment\r\n"
    'data: {"text":"wörld 🌍"}\r\n\r\n'
    "event: message\nid: 7\nretry: 10\ndata:no space\n\n"
    "data: two\rdata: lines\r\r"
    ": only a comment\n\n"
    "\n\n"
    "data\n\n"
    "data:  kept space \n\n"
    "data: [DONE]\n\n"
    "data: left over"
).encode()
EVENTS = [
    '{"text":"wörld 🌍"}'.encode(),
    b"no space",
    b"two\nlines",
    b" kept space ",
    b"[DONE]",
]


def read(pieces: list[bytes]) -> tuple[list[bytes], bytes | None]:
    reader = EventReader()
    return [event for piece in pieces for event in reader.feed(piece)], reader.end()


def split(stream: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cuts), len(stream)]
    return [stream[a:b] for a, b in itertools.pairwise(edges)]


def test_events_are_read_whole() -> None:
    assert read([STREAM]) == (EVENTS, b"left over")


def test_every_single_byte_may_come_alone() -> None:
    assert read([bytes([byte]) for byte in STREAM]) == (EVENTS, b"left over")


@given(st.lists(st.integers(0, len(STREAM)), max_size=40))
def test_no_split_changes_what_is_read(cuts: list[int]) -> None:
    assert read(split(STREAM, cuts)) == (EVENTS, b"left over")


@given(
    st.lists(st.text(alphabet="aé🌍:{ }", min_size=1), max_size=8),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.data(),
)
def test_whatever_is_sent_comes_out(texts: list[str], newline: str, data: st.DataObject) -> None:
    stream = "".join(f"data: {text}{newline}{newline}" for text in texts).encode()
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=20))
    events, rest = read(split(stream, cuts))
    assert [event.decode() for event in events] == texts
    assert rest is None


@given(st.lists(st.binary(max_size=30), max_size=20))
def test_no_bytes_break_it(pieces: list[bytes]) -> None:
    assert read(pieces) == read([b"".join(pieces)])


@pytest.mark.parametrize("sent", [b"data: " + b"x" * 200, b"data: " + b"x\ndata: " * 60])
def test_a_line_or_an_event_beyond_the_limit_is_refused(sent: bytes) -> None:
    reader = EventReader(line_limit=100)
    with pytest.raises(LineTooLongError):
        for start in range(0, len(sent), 7):
            reader.feed(sent[start : start + 7])


@pytest.mark.parametrize("newline", [b"", b"\n"])
def test_a_long_line_that_comes_at_once_is_refused_too(newline: bytes) -> None:
    with pytest.raises(LineTooLongError):
        EventReader(line_limit=100).feed(b": " + b"x" * 200 + newline)
