from __future__ import annotations

from typing import Any

from routing import switchboard
from routing.switchboard import Mailbox


def delta(text: str, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None, **more}
    return {"kind": "delta", "content": True, "chunk": {"id": "c", "choices": [choice]}}


async def _all(mailbox: Mailbox, count: int) -> list[dict[str, Any]]:
    return [await mailbox.next() for _ in range(count)]


async def test_the_text_of_a_crowded_mailbox_takes_no_more_room() -> None:
    mailbox = Mailbox("a", "cloud")
    words = [f"{number} " for number in range(1000)]
    for word in words:
        mailbox.put(delta(word))
    mailbox.put({"kind": "done"})
    events = await _all(mailbox, switchboard.CROWDED + 1)
    assert events.pop() == {"kind": "done"}
    texts = [event["chunk"]["choices"][0]["delta"]["content"] for event in events]
    assert "".join(texts) == "".join(words)


async def test_what_is_more_than_text_stays_apart() -> None:
    mailbox = Mailbox("a", "cloud")
    for number in range(switchboard.CROWDED):
        mailbox.put(delta(str(number)))
    apart = [
        delta("x", index=1),
        delta("x", finish_reason="stop"),
        delta("x", logprobs={"content": []}),
        delta("x", delta={"content": "x", "role": "assistant"}),
        delta("x", delta={"tool_calls": [{"index": 0}]}),
    ]
    for event in apart:
        mailbox.put(event)
    assert (await _all(mailbox, switchboard.CROWDED + len(apart)))[-len(apart) :] == apart
