"""What a text looks like: how much is code or numbers, how long it is, what it repeats (pure)."""

from __future__ import annotations

import re

FENCE = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)", re.DOTALL)
INLINE = re.compile(r"`[^`\n]*[()=_<>{};./][^`\n]*`")
SYNTAX = re.compile(
    r"^[ \t]*(?:"
    r"(?:def|class)\s+\w+.*:\s*$|(?:import|from)\s+[\w.]+(?:\s+import\b.*)?;?\s*$|#include\b|#!/|"
    r"(?:const|let|var|val)\s+[\w{\[].*=|(?:public|private|protected|static|async|export|function|"
    r"func|fn|pub|package|namespace|using)\s+.*[;{(]|(?:if|for|while|switch|catch)\s*\(.*[){;]\s*$|"
    r"(?:SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|select)\s.*\b(?:FROM|INTO|SET|TABLE|WHERE|from)\b|"
    r"return\b.*;\s*$|@\w+(?:\(.*\))?\s*$|</?[a-zA-Z][\w-]*(?:\s[^<>]*)?/?>|\$\s+\w+|[{}\])]+[;,]?\s*$|"
    r"[\w.\[\]\"']+\s*(?:\+|-|\*|:)?=\s*[^=\s].*[;)\]}\d\"']\s*$|[\w.]+\(.*\)\s*[;{:]\s*$|"
    r"(?:Traceback \(most recent|\s*File \".*\", line \d+|\s+at [\w.$<>]+\(.*\)).*"
    r").*$",
    re.MULTILINE,
)
TELLING = frozenset("{}();=<>`#$@[]")
NUMBER = re.compile(r"\d[\d.,]*")
WORD = re.compile(r"\w+")
SOME_CODE = 0.2
LENGTHS = ((60, "short"), (400, "medium"), (4_000, "long"))
COMPARED = 2_000
"""Characters of two turns that are laid beside each other."""
FEW_WORDS = 3
ALIKE = 0.75


def code_share(text: str) -> float:
    """Characters in fences and in lines that are written like code, of all of them."""
    if not text or TELLING.isdisjoint(text):
        return 0.0
    fenced = 0
    if "```" in text or "~~~" in text:
        rest = FENCE.sub("", text)
        fenced, text = len(text) - len(rest), rest
    lines = sum(len(line.group()) for line in SYNTAX.finditer(text))
    return round((fenced + lines) / max(fenced + len(text), 1), 3)


def has_code(text: str, share: float) -> bool:
    return share >= SOME_CODE or "```" in text or ("`" in text and INLINE.search(text) is not None)


def numbers(text: str) -> tuple[int, float]:
    """How many there are, and of all words how many that is."""
    count = sum(_stands_alone(found, text) for found in NUMBER.finditer(text))
    return (count, round(min(count / len(text.split()), 1.0), 3)) if count else (0, 0.0)


def _stands_alone(found: re.Match[str], text: str) -> bool:
    """`v2` and `7th` are words."""
    before, behind = text[max(found.start() - 1, 0)], text[found.end() : found.end() + 1]
    return not (before.isalpha() or behind.isalpha())


def length(characters: int) -> str:
    return next((name for most, name in LENGTHS if characters <= most), "huge")


def likeness(text: str, before: str) -> float:
    """Of the words of both turns, how many stand in both."""
    if not text or not before:
        return 0.0
    first, second = (set(WORD.findall(each[:COMPARED].lower())) for each in (text, before))
    return round(len(first & second) / max(len(first | second), 1), 3)


def is_again(text: str, before: str, alike: float) -> bool:
    """The turn before, asked again or slightly edited; two greetings are no edit of each other."""
    if not text or not before:
        return False
    few = len(WORD.findall(text[:COMPARED])) < FEW_WORDS
    return text == before if few else alike >= ALIKE
