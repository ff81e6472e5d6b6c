from __future__ import annotations

import pytest

from inference.local import layout, options
from inference.local.words import Settings
from inference.store.facts import Facts

GIB = 1 << 30
LONG = Facts(
    architecture="llama", context=131_072, bytes=5 * 10**9, kv_bytes_per_token=131_072,
    vocabulary=128_256, width=4096,
)  # fmt: skip
"""As a model of eight billion parameters says of itself."""
SMALL = Facts(architecture="llama", context=2048, bytes=8_000_000, kv_bytes_per_token=1024)


@pytest.mark.parametrize(
    ("settings", "kv_bytes", "slots", "context"),
    [
        (Settings(), GIB, 1, 4096),
        (Settings(), 4 * GIB, 5, 4681),
        (Settings(), 64 * GIB, 8, 43690),
        (Settings(), GIB // 8, 1, 4096),  # beyond what it should take, but of some use
        (Settings(slots=8), GIB, 8, 682),
        (Settings(context=8192), 4 * GIB, 3, 8192),
        (Settings(context=8192, slots=8), GIB, 8, 8192),
        (Settings(context=10**6, slots=1), GIB, 1, 131_072),
    ],
)
def test_a_long_context_is_laid_out_by_the_memory_there_is(
    settings: Settings, kv_bytes: int, slots: int, context: int
) -> None:
    found = layout.room(LONG, settings, kv_bytes=kv_bytes)
    assert (found.slots, found.context) == (slots, context)
    assert found.bytes > LONG.bytes + found.lanes * context * LONG.kv_bytes_per_token


def test_a_small_model_has_all_its_slots_and_all_its_context() -> None:
    found = layout.room(SMALL, Settings(), kv_bytes=GIB)
    assert (found.slots, found.lanes, found.context) == (8, 12, 2048)


def test_two_models_with_long_contexts_fit_into_a_machine_that_holds_their_files() -> None:
    kept = layout.room(LONG, Settings(), kv_bytes=2 * GIB).bytes
    assert 2 * kept < 16 * GIB


def test_what_a_backend_may_promise_is_what_is_run() -> None:
    assert options.effective_context(LONG, {"context": 4096}) == 4096
    assert options.effective_context(SMALL, {"context": 4096}) == 2048
    assert options.effective_context(SMALL, {}) == SMALL.usual_context() == 2048
