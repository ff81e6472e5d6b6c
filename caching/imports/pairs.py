"""Reads question-answer pairs from the files that people have of them: CSV as spreadsheets write
it, JSON lines, chats; a line that will not do says why (pure)."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from caching.errors import Unfit

LONGEST_QUESTION = 8_000
LONGEST_ANSWER = 60_000
LONGEST_NAME = 200
MOST_TAGS = 16
DELIMITERS = ",;\t|"
QUESTIONS = frozenset({"question", "prompt", "q"})
ANSWERS = frozenset({"answer", "response", "completion", "a"})
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
STEP = 1 << 20
COLUMNS = "a header with the columns `question` and `answer`"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """One question and what is to be said; empty words leave it to the whole import's."""

    line: int
    question: str
    answer: str
    model: str = ""
    system: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Flaw:
    line: int
    why: str


Read = Iterator[Pair | Flaw]


def read(content: bytes) -> Read:
    """Raises Unfit, when its first item is asked for, if the file as a whole cannot be read."""
    encoding = _encoding(content)
    text = io.TextIOWrapper(io.BytesIO(content), encoding=encoding, newline="")
    first = _first_character(text)
    if first == "{":
        return _lines(text)
    return _listed(text) if first == "[" else _table(text)


def questions(content: bytes) -> Iterator[tuple[int, str]]:
    """Only what is asked, from such a file or from lines of plain text."""
    try:
        for item in read(content):
            if isinstance(item, Pair):
                yield item.line, item.question
    except Unfit:
        text = content.decode(_encoding(content))
        for line, words in enumerate(text.splitlines(), start=1):
            if words.strip():
                yield line, words.strip()


def _encoding(content: bytes) -> str:
    """A mark at the beginning, else UTF-8, else what older spreadsheets write."""
    if not content.strip():
        raise Unfit("The file is empty.")
    marked = next((name for mark, name in MARKS if content.startswith(mark)), None)
    for name in (marked,) if marked else ("utf-8", "cp1252"):
        if _decodes(content, name) and (marked or b"\0" not in content.split(b"\n", 1)[0]):
            return name
    raise Unfit("This is no text in UTF-8, UTF-16 with its mark, or Windows-1252.")


def _decodes(content: bytes, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for start in range(0, len(content), STEP):
            decoder.decode(content[start : start + STEP])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _first_character(text: io.TextIOWrapper) -> str:
    while (character := text.read(1)).isspace():
        pass
    text.seek(0)
    return character


def _lines(text: io.TextIOWrapper) -> Read:
    for line, words in enumerate(text, start=1):
        if not words.strip():
            continue
        try:
            found = orjson.loads(words)
        except orjson.JSONDecodeError as error:
            yield Flaw(line=line, why=f"is not JSON: {error}")
            continue
        yield _object(line, found)


def _listed(text: io.TextIOWrapper) -> Read:
    try:
        found = orjson.loads(text.read())
    except orjson.JSONDecodeError as error:
        raise Unfit(f"This begins as a JSON list and is none: {error}.") from error
    for number, each in enumerate(found, start=1):
        yield _object(number, each)


def _object(line: int, found: Any) -> Pair | Flaw:
    if not isinstance(found, dict):
        return Flaw(line=line, why="is not an object")
    if "messages" in found:
        return _chat(line, found)
    named = {str(name).strip().lower(): value for name, value in found.items()}
    return _checked(line, named)


def _chat(line: int, found: Mapping[str, Any]) -> Pair | Flaw:
    """A system prompt if there is one, a question, an answer."""
    messages = found["messages"]
    fine = isinstance(messages, list) and all(isinstance(each, dict) for each in messages)
    roles = [each.get("role") for each in messages] if fine else []
    if roles[-2:] != ["user", "assistant"] or set(roles[:-2]) - {"system", "developer"}:
        return Flaw(line=line, why="is not one question and its answer: earlier turns matter")
    system = "\n".join(str(each.get("content") or "") for each in messages[:-2])
    words = {"question": messages[-2].get("content"), "answer": messages[-1].get("content")}
    rest = {name: found.get(name) for name in ("model", "tags")}
    return _checked(line, {**rest, **words, "system": system})


def _table(text: io.TextIOWrapper) -> Read:
    skipped, delimiter = _delimiter(text)
    rows = csv.reader(text, delimiter=delimiter)
    header = [name.strip().lower() for name in next(rows, [])]
    began = rows.line_num
    while True:
        try:
            row = next(rows, None)
        except csv.Error as error:
            yield Flaw(line=skipped + began + 1, why=f"is not readable as CSV: {error}")
            began = rows.line_num
            continue
        if row is None:
            return
        if any(value.strip() for value in row):
            found = _row(skipped + began + 1, header, row)
            yield _swallowed(found, lines=rows.line_num - began)
        began = rows.line_num


def _swallowed(found: Pair | Flaw, *, lines: int) -> Pair | Flaw:
    """A quote that nobody closes takes all lines behind it into one: whoever reads that this one
    line will not do has to know."""
    if isinstance(found, Pair) or lines < 2:
        return found
    return replace(found, why=f"{found.why}; it is {lines:,} lines long: is a quote not closed?")


def _delimiter(text: io.TextIOWrapper) -> tuple[int, str]:
    """The first line names the columns; a spreadsheet may say before it what divides them."""
    first = text.readline()
    skipped = 1 if first.lower().startswith("sep=") else 0
    began = len(first.encode(text.encoding)) if skipped else 0
    header = text.readline() if skipped else first
    for delimiter in DELIMITERS:
        names = _names(header, delimiter)
        if names & QUESTIONS and names & ANSWERS:
            text.seek(0)
            if began:
                text.readline()
            return skipped, delimiter
    raise Unfit(f"The first line has to be {COLUMNS}.")


def _names(header: str, delimiter: str) -> set[str]:
    try:
        return {name.strip().lower() for name in next(csv.reader([header], delimiter=delimiter))}
    except csv.Error:  # a field of more characters than a header has
        return set()


def _row(line: int, header: list[str], row: list[str]) -> Pair | Flaw:
    if len(row) > len(header):
        return Flaw(line=line, why="has more fields than the header: is one not in quotes?")
    return _checked(line, dict(zip(header, row, strict=False)))


def _checked(line: int, named: Mapping[str, Any]) -> Pair | Flaw:
    question, answer = _said(named, QUESTIONS), _said(named, ANSWERS)
    model, system = named.get("model") or "", named.get("system") or named.get("system_prompt")
    why = (
        _wrong("question", question, LONGEST_QUESTION)
        or _wrong("answer", answer, LONGEST_ANSWER)
        or _wrong("system prompt", system or "-", LONGEST_ANSWER)
        or _wrong("model", model or "-", LONGEST_NAME)
    )
    tags = _tags(named.get("tags"))
    if why or tags is None:
        return Flaw(line=line, why=why or "has tags that are not written a=b, c=d")
    return Pair(
        line=line,
        question=question.strip(),
        answer=answer.strip(),
        model=str(model).strip(),
        system=str(system or "").strip(),
        tags=tags,
    )


def _said(named: Mapping[str, Any], names: frozenset[str]) -> Any:
    return next((value for name, value in named.items() if name in names), None)


def _wrong(name: str, value: object, longest: int) -> str:
    if not isinstance(value, str) or not value.strip():
        return f"has no {name}"
    if len(value) > longest:
        return f"has {len(value):,} characters in its {name}; {longest:,} are the most"
    if "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        return f"has characters in its {name} that are none (NUL, half a pair)"
    return ""


def _tags(given: Any) -> dict[str, str] | None:
    """`a=b, c=d`, an object, or a list of words; None if it is none of them."""
    if not given:
        return {}
    if isinstance(given, str):
        given = [part for part in given.replace(";", ",").split(",") if part.strip()]
    if isinstance(given, list):
        given = dict(str(part).partition("=")[::2] for part in given)
    if not isinstance(given, dict) or len(given) > MOST_TAGS:
        return None
    tags = {str(name).strip(): str(value).strip() for name, value in given.items()}
    fine = all(
        name and len(name) <= 64 and len(value) <= 64 and (name + value).isprintable()
        for name, value in tags.items()
    )
    return tags if fine else None
