from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from inference.local import prefix
from inference.local.prefix import LEAST, Lane

TOKENS = st.lists(st.integers(0, 1), max_size=60)


def tokens(values: object) -> array[int]:
    return array("i", values)  # type: ignore[call-overload,no-any-return]


def lane(number: int, held: object, **more: object) -> Lane:
    kept = tokens(held)
    wanted: dict[str, object] = {"read": len(kept), "prompt": len(kept), "used": 1, **more}
    return Lane(number=number, tokens=kept, **wanted)  # type: ignore[arg-type]


@given(one=TOKENS, other=TOKENS, limit=st.integers(-1, 70))
def test_common_is_the_longest_shared_beginning(
    one: list[int], other: list[int], limit: int
) -> None:
    length = 0
    while length < min(len(one), len(other), limit) and one[length] == other[length]:
        length += 1
    assert prefix.common(tokens(one), tokens(other), limit) == length


@given(
    wanted=TOKENS,
    held=st.lists(st.tuples(TOKENS, st.sampled_from("ab")), max_size=6),
    domain=st.sampled_from("ab"),
)
def test_the_best_match_is_of_the_same_domain_and_leaves_the_last_token(
    wanted: list[int], held: list[tuple[list[int], str]], domain: str
) -> None:
    lanes = [lane(number, kept, domain=whose) for number, (kept, whose) in enumerate(held)]
    found = prefix.best(tokens(wanted), domain, lanes)
    lengths = [
        prefix.common(tokens(wanted), tokens(kept), len(wanted) - 1)
        for kept, whose in held
        if whose == domain
    ]
    assert found.shared == max([length for length in lengths if length >= LEAST], default=0)
    assert (found.lane is None) == (found.shared == 0)
    if found.lane:
        assert found.lane.domain == domain
        assert found.shared < len(wanted)


def test_only_what_was_read_counts() -> None:
    half = lane(0, range(40), read=20, busy=True)
    assert prefix.best(tokens(range(40)), "", [half]).shared == 20


def test_a_long_lane_is_not_copied_for_a_short_beginning() -> None:
    long = lane(0, range(2000))
    assert prefix.best(tokens([*range(20), 7, 7]), "", [long]).lane is None


def test_a_beginning_that_is_just_being_read_is_worth_waiting_for() -> None:
    reading = lane(0, range(100), read=30, busy=True)
    coming = prefix.coming(tokens(range(80)), "", [reading], than=30)
    assert (coming.lane, coming.shared) == (reading, 79)
    assert prefix.coming(tokens(range(80)), "", [reading], than=70).lane is None
    assert prefix.coming(tokens(range(80)), "other", [reading], than=0).lane is None


def test_a_lane_is_continued_when_nothing_of_it_is_lost() -> None:
    mine, other = lane(0, range(50)), lane(1, [])
    match = prefix.best(tokens(range(60)), "", [mine, other])
    assert prefix.place(match, [mine, other]) is mine


def test_a_lane_that_others_may_want_is_copied() -> None:
    trunk, empty = lane(0, range(90)), lane(1, [], used=0)
    match = prefix.best(tokens([*range(50), 1, 1]), "", [trunk, empty])
    assert match.lane is trunk
    assert prefix.place(match, [trunk, empty]) is empty


def test_the_lane_used_longest_ago_is_given_up_first() -> None:
    lanes = [lane(0, range(50), used=5), lane(1, range(50), used=3), lane(2, range(50), busy=True)]
    match = prefix.best(tokens([9, 9]), "", lanes)
    assert prefix.place(match, lanes) is lanes[1]


def test_of_empty_lanes_the_nearest_to_those_running_is_taken() -> None:
    lanes = [lane(number, [], used=0) for number in range(6)]
    lanes[3] = lane(3, range(20), busy=True)
    assert prefix.place(prefix.Match(None), lanes) is lanes[2]
