"""Cuts a question into words, numbers and literals, in one pass over its text."""

from __future__ import annotations

import re
from typing import NamedTuple

from caching.guards import wordlists

LONGEST = 4_000
"""Characters that are looked into; whatever stands behind has to be the same text."""

FENCE = re.compile(r"```(.{0,10000}?)(?:```|\Z)|`([^`\n]{1,2000})`", re.DOTALL)
QUOTE = re.compile(
    r"\"([^\"\n]{1,400})\"|[“„]([^”“\n]{1,400})[”“]|«([^»\n]{1,400})»"
    r"|(?<![\w'])'([^'\n]{2,200})'(?!\w)"
)
SUFFIXES = wordlists.members(
    """com org net io co in uk de edu gov ai app dev info me tv ca au us eu fr nl ch jp cn ru br
    js ts py rb go rs md txt csv json xml html htm pdf doc docx xls xlsx png jpg svg exe zip yaml"""
)
"""What makes a site or a file of words with dots between."""
TOKEN = re.compile(
    r"""
    (?P<plain>[a-z]{1,60}+(?![\w@+\#'\-]|\.\w|:[\w/]))
  | (?P<url>(?:https?://|www\.)[^\s<>"']{1,2000})
  | (?P<mail>[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,4})
  | (?P<iso>\b\d{4}-\d{1,2}-\d{1,2}\b)
  | (?P<clock>\b\d{1,2}(?::[0-5]\d){1,2}(?:\s?[ap]\.?m\b)?|\b\d{1,2}\s?[ap]\.?m\b\.?)
  | (?P<slashed>\b\d{1,4}/\d{1,2}/\d{2,4}\b|\b\d{1,3}/\d{1,3}\b)
  | (?P<version>\bv?\d{1,6}(?:\.\d{1,6}){2,6}\b|\bv\d{1,6}(?:\.\d{1,6})?\b)
  | (?P<abbr>\b(?:[a-z]\.){2,5}[a-z]?)
  | (?P<plus>\b[a-z]{1,12}(?:\+\+|\#(?!\w)|\+(?![\w\s]*[\d=])))
  | (?P<code>\b[a-z]{1,20}\d{1,12}[a-z\d]{0,20}\b)
  | (?P<number>(?:(?<![\w)])[-+])?(?:\d{1,3}(?:,\d{2,3}){1,6}|\d{1,40})(?:\.\d{1,20})?)
  | (?P<dotted>[^\W\d_]{1,40}(?:\.[^\W\d_]{1,40}){1,5})
  | (?P<snake>[a-z]{1,40}(?:_\w{1,40}){1,6}|(?<![^\s(])--?[a-z][\w-]{1,40}(?<!-))
  | (?P<word>(?:non-)?[^\W\d_]{1,60}(?:'[^\W\d_]{1,10})?)
  | (?P<sign>[$€£¥₹%°])
  | (?P<operator>(?<=[\w)\]\s])[+*|](?=\s?[\w(])|[=<>^\\{}~\xd7÷√∫∑≤≥≠]|(?<=\w\s)-(?=\s?\d))
  | (?P<stop>[.!?;:]|\n)
  | (?P<comma>[,()\[\]&/])
    """,
    re.VERBOSE | re.IGNORECASE,
)


class Token(NamedTuple):
    kind: str
    text: str
    lower: str
    begins: bool
    """Whether a sentence begins here: a capital letter says nothing then."""
    end: int
    start: int


def cut(text: str) -> list[Token]:
    found: list[Token] = []
    begins = True
    for match in TOKEN.finditer(text):
        kind = match.lastgroup or "plain"
        if kind == "plain":  # most words: nothing else could begin here
            kind = "word"
        written = match.group()
        if kind == "dotted" and written.rpartition(".")[2].lower() not in SUFFIXES:
            found.extend(_parts(match, begins=begins))
            begins = False
            continue
        found.append(Token(kind, written, written.lower(), begins, match.end(), match.start()))
        begins = kind == "stop" or (begins and kind in ("comma", "operator"))
    return found


def _parts(match: re.Match[str], *, begins: bool) -> list[Token]:
    """`B.Tech`, or two sentences with no space between."""
    found, start = [], match.start()
    for part in match.group().split("."):
        end = start + len(part)
        found.append(Token("word", part, part.lower(), begins, end, start))
        start = end + 1
    return found
