"""Splits what stands in a user's turn into his question and what he put around it (pure)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from caching.guards import spelling
from caching.question import courtesy

LONGEST = 600
"""Characters of a question; what is longer is a text, and texts are not compared by meaning."""
LONGEST_TURN = 200_000
MOST_BLOCKS = 200
SHORT = 200
"""Up to here several sentences together may be one question."""
INJECTED = (
    "system-reminder", "system_reminder", "environment_details", "environment_context", "context",
    "document", "documents", "example", "examples", "instructions", "user_instructions", "file",
    "files", "attachment", "attachments", "selection", "history", "memory", "search_results",
)  # fmt: skip
"""Tags that programs put around what the user did not write."""
BLOCK = re.compile(r"(?m)^<([A-Za-z][\w-]{0,40})(?: [^<>\n]{0,200})?>[ \t]*$")
FENCE = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)", re.DOTALL)
ASKED = re.compile(r"(?im)(?:^|(?<=[.!?\]\s]))(?:question|query|q|user|human|customer)\s?:\s*")
CUE = re.compile(r"(?i)\n\s*(?:a|answer|output|response|reply|assistant|ai|bot|agent)\s?:\s*\Z")
PASTED = re.compile(
    r"(?i)(?:^|\n)(?:input|text|sentence|review|tweet|passage|article|paragraph|source|email|"
    r"message|english|french|german|spanish|code|data|example)\s?\d{0,3}\s?:"
)
WORKING = re.compile(
    r"(?i)^(?:please |can you |could you |kindly )?(?:translate|summari[sz]e|rewrite|rephrase|"
    r"paraphrase|proofread|correct|fix|edit|shorten|expand|classify|categori[sz]e|extract|label|"
    r"tag|spell|count|reverse|sort|format|convert|continue|complete|improve|polish|explain|review|"
    r"analy[sz]e|grade|score|rate|transcribe|parse)\b[^:\n]{0,120}:"
)
"""Work on a given text: its answer hangs on each of the words, not on their meaning."""
SETTING = re.compile(
    r"(?i)^(?:you are|you're|act as|act like|pretend|imagine|given|based on|context|use the|using|"
    r"answer|respond|reply|as an? |assume|consider|follow|here is|here are|here's|below|"
    r"the following|instructions?|system|background|suppose|let's|role)\b"
)
SENTENCE = re.compile(r"(?<=[.!?])[\"')\]]{0,2}\s+(?=\S)")
ASKING = re.compile(
    r"(?i)^(?:so |and |but |now |also |please |kindly |ok |okay |then )?(?:who|whom|whose|what|"
    r"which|when|where|why|how|is|are|was|were|am|do|does|did|can|could|will|would|should|shall|"
    r"has|have|had|may|might|must|isn't|aren't|doesn't|don't|didn't|can't|won't|tell|explain|"
    r"describe|list|show|give|find|write|name|compare|define|help|suggest|recommend|make|create|"
    r"calculate|compute|solve|convert|i (?:want|need|would|have|am|can|forgot|lost)|i'd|i'm|my)\b"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    question: str
    around: tuple[str, ...]
    """Everything else of the turn, to the letter."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Unclear:
    reason: str


def split(text: str) -> Turn | Unclear:
    if len(text) > LONGEST_TURN:
        return Unclear(reason="too-long")
    text = spelling.plain(text)
    said, injected = _without_injected(text)
    if len(injected) >= MOST_BLOCKS:
        return Unclear(reason="too-long")
    said, fenced = _without(FENCE, said)
    around = (*injected, *fenced)
    found = _question(courtesy.bare(said.strip()))
    if isinstance(found, Unclear):
        return found
    question = spelling.one_line(found.question)
    if not any(map(str.isalnum, question)):
        return Unclear(reason="empty")
    if len(question) > LONGEST:
        return Unclear(reason="too-long")
    return Turn(question=question, around=(*found.around, *around))


def _without_injected(text: str) -> tuple[str, list[str]]:
    """Text outside tagged blocks, and the blocks; one that never closes reaches to the end."""
    taken: list[str] = []
    for tag in INJECTED if "<" in text else ():
        text = _without_tag(text, tag, taken)
    while (block := BLOCK.search(text)) is not None and len(taken) < MOST_BLOCKS:
        text = _cut(text, block.start(), f"</{block[1]}>", taken)
    return text, taken


def _without_tag(text: str, tag: str, taken: list[str]) -> str:
    at = text.find(f"<{tag}")
    while at >= 0 and len(taken) < MOST_BLOCKS:
        behind = text[at + len(tag) + 1 : at + len(tag) + 2]
        if behind in (">", " ", "\n"):
            text = _cut(text, at, f"</{tag}>", taken)
            at = text.find(f"<{tag}", at)
        else:
            at = text.find(f"<{tag}", at + 1)
    return text


def _cut(text: str, start: int, closing: str, taken: list[str]) -> str:
    end = text.find(closing, start)
    end = len(text) if end < 0 else end + len(closing)
    taken.append(text[start:end])
    return f"{text[:start]}\n{text[end:]}"


def _without(pattern: re.Pattern[str], text: str) -> tuple[str, list[str]]:
    taken = pattern.findall(text)
    return (pattern.sub("\n", text), taken) if taken else (text, [])


def _question(said: str) -> Turn | Unclear:
    """What is asked at the end, else at the start; both around a text of unknown role: unclear."""
    cue = CUE.search(said[-40:])
    around: list[str] = []
    if cue is not None:
        around.append(cue.group())
        said = said[: len(said) - len(cue.group())]
    labels = list(ASKED.finditer(said))
    if labels:
        around.append(said[: labels[-1].end()])
        said = said[labels[-1].end() :].strip()
    elif WORKING.match(said) or PASTED.search(said) or cue is not None:
        return Unclear(reason="pasted-text")
    found = _asked(said)
    return found if isinstance(found, Unclear) else Turn(
        question=found.question, around=(*found.around, *around)
    )  # fmt: skip


def _asked(said: str) -> Turn | Unclear:
    blocks = [block.strip() for block in said.splitlines() if block.strip()]
    if len(blocks) > 1:
        return _of_blocks(blocks)
    return _of_sentences(said)


def _of_blocks(blocks: list[str]) -> Turn | Unclear:
    if _is_asking(blocks[-1]):
        asked, around = blocks[-1], tuple(blocks[:-1])
    elif _is_asking(blocks[0]):
        asked, around = blocks[0], ("\0after", *blocks[1:])
    else:
        return Unclear(reason="too-long" if sum(map(len, blocks)) > LONGEST else "unclear")
    found = _of_sentences(asked)
    if isinstance(found, Unclear):
        return found
    return Turn(question=found.question, around=(*found.around, *around))


def _of_sentences(said: str) -> Turn | Unclear:
    sentences = SENTENCE.split(said)
    if len(sentences) == 1 or (len(said) <= SHORT and not SETTING.match(said)):
        return Turn(question=said, around=())
    if _is_asking(sentences[-1]):
        return Turn(question=sentences[-1], around=tuple(sentences[:-1]))
    return Unclear(reason="too-long" if len(said) > LONGEST else "unclear")


def _is_asking(text: str) -> bool:
    return len(text) <= 2 * LONGEST and (text.endswith("?") or ASKING.match(text) is not None)
