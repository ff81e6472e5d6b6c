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
OPENING = re.compile(rf"<({'|'.join(map(re.escape, TAGS))})(?:\s[^<>]{{0,300}})?>", re.IGNORECASE)
NOTE = re.compile(
    r"\[\s*(?:system|automated|automatic)\s+(?:note|notice|message|reminder|warning|info)\s*:"
    r"[^\[\]]{0,4000}\]"
    r"|(?m:^[ \t]*(?:system\s+(?:note|reminder|notice))\s*:[^\n]{0,2000}$)",
    re.IGNORECASE,
)
MOST_BLOCKS = 500
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
    own = _without_notes(_without_blocks(text))
    if own is text:
        return Said(own=text, injected=0)
    return Said(own=own.strip(), injected=len(text) - len(own))


def _without_blocks(text: str) -> str:
    """Elements with all that lies inside them; the closing tag that fits is looked for once."""
    if "<" not in text:
        return text
    kept, at, seen = [], 0, 0
    folded = text.lower()
    while (opening := OPENING.search(text, at)) is not None and seen < MOST_BLOCKS:
        seen += 1
        closing = f"</{opening[1].lower()}>"
        end = folded.find(closing, opening.end())
        if end < 0:
            kept.append(text[at : opening.end()])
            at = opening.end()
            continue
        kept.append(text[at : opening.start()])
        at = end + len(closing)
    return "".join((*kept, text[at:])) if kept else text


def _without_notes(text: str) -> str:
    return NOTE.sub("", text) if "ystem" in text or "YSTEM" in text or "utomat" in text else text


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
