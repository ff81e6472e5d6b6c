from __future__ import annotations

from inference.local import rehearsal
from inference.local.engine import Engine


def test_after_it_the_speeds_are_known_and_nothing_runs(watched: Engine) -> None:
    assert watched.gauges().decode_tps == 0
    rehearsal.rehearse(watched)
    after = watched.gauges()
    assert after.prefill_tps > 0
    assert after.decode_tps > 0
    assert (after.running, after.waiting) == (0, 0)
    assert watched.prefilled == rehearsal.PROMPT - 1
