"""Tells what a user wrote from what programs put around it (pure).

Coding tools, retrieval and chat frontends write into the user's turn: reminders, files, search
results. No signal of the user's words may come from there. What is not closed is left standing: a
user may write about `<context>` without meaning one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from routing.questions import Prompt

TAGS = (
    "system-reminder", "system_reminder", "system-warning", "system", "context",
    "environment_details", "environment_context", "user_info",
    "additional_data", "attached_files", "attached-files",
    "document", "documents", "file", "files", "file_contents", "attachment", "attachments",
    "search_results", "search-results", "retrieved_context", "sources", "memory", "memories",
    "instructions", "user_instructions", "custom_instructions", "reminder", "tool_result",
    "function_results", "command-message", "command-name", "local-command-stdout", "ide_selection",
    "ide_opened_file", "selection", "history", "conversation_history", "examples", "example",
)  # fmt: skip
"""Elements that programs put around what the user did not write."""
FIRSTS = "".join(sorted({tag[0] for tag in TAGS}))
OPENING = re.compile(
    rf"<(?=[{FIRSTS}])({'|'.join(map(re.escape, TAGS))})(?:\s[^<>]{{0,300}})?>", re.IGNORECASE
)
CLOSING = {tag: re.compile(rf"</{re.escape(tag)}\s*>", re.IGNORECASE) for tag in TAGS}
NOTE = re.compile(
    r"\[\s*(?:system|automated|automatic)\s+(?:note|notice|message|reminder|warning|info)\s*:"
    r"[^\[\]]{0,4000}\]"
    r"|(?m:^[ \t]*(?:system\s+(?:note|reminder|notice))\s*:[^\n]{0,2000}$)",
    re.IGNORECASE,
)
LOOKED_AT = 100_000
NEAR_AN_END = 4_000
"""Characters at the beginning and at the end in which elements, and notes, are looked for."""
SPEAKERS = frozenset({"system", "developer"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    own: str
    """What the user wrote."""
    injected: int
    """Characters that were not his."""


def said(prompt: Prompt) -> Said:
    """Of the last turn of the user."""
    for message in reversed(prompt.messages):
        if message["role"] == "user":
            return apart(of(message.get("content")))
    return Said(own="", injected=0)


def apart(text: str) -> Said:
    """Programs write at the ends: in the middle of a very long text nothing is looked for."""
    if len(text) <= 2 * LOOKED_AT:
        own = _own(text)
    else:
        head, tail = text[:LOOKED_AT], text[-LOOKED_AT:]
        own = f"{_own(head)}{text[LOOKED_AT:-LOOKED_AT]}{_own(tail)}"
    if len(own) == len(text):
        return Said(own=text, injected=0)
    return Said(own=own.strip(), injected=len(text) - len(own))


def _own(text: str) -> str:
    return _without_notes(_without_blocks(text) if "<" in text else text)


def _without_blocks(text: str) -> str:
    """Elements go with all that lies inside them. Where a tag is never closed, no later one of
    that name is either: each name is looked for in vain once."""
    kept: list[str] = []
    at, seen = 0, 0
    open_ended = set[str]()
    while (opening := OPENING.search(text, seen)) is not None:
        seen, tag = opening.end(), opening[1].lower()
        if tag in open_ended:
            continue
        closing = CLOSING[tag].search(text, seen)
        if closing is None:
            open_ended.add(tag)
            continue
        kept.append(text[at : opening.start()])
        at = seen = closing.end()
    return "".join((*kept, text[at:])) if kept else text


def _without_notes(text: str) -> str:
    if len(text) <= 2 * NEAR_AN_END:
        return NOTE.sub("", text)
    head, tail = text[:NEAR_AN_END], text[-NEAR_AN_END:]
    return f"{NOTE.sub('', head)}{text[NEAR_AN_END:-NEAR_AN_END]}{NOTE.sub('', tail)}"


def system(prompt: Prompt) -> str:
    """What system and developer messages say."""
    texts = [of(each.get("content")) for each in prompt.messages if each["role"] in SPEAKERS]
    return "\n".join(filter(None, texts))


def of(content: Any) -> str:
    """The text of a message, the words of its parts joined."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        texts = (part.get("text") for part in content)
        return "\n".join(text for text in texts if isinstance(text, str))
    return ""
