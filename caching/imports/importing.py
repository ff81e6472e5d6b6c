"""Brings an FAQ or a help centre into a team's answers: pinned, in batches, with what was refused.

Safe to kill and to run twice: a batch and the count of what was looked at are one transaction under
the import's row lock, and whoever comes next goes on behind it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import PurePath
from typing import Any
from uuid import uuid4

import orjson
from celery import current_app
from django.conf import settings
from django.db import transaction
from django.db.models import Avg
from django.utils.text import slugify
from kombu.exceptions import OperationalError as BrokerLost

from analytics.models import Exchange
from caching import answers, scopes
from caching.errors import Unfit
from caching.imports import pairs
from caching.imports.pairs import Flaw, Pair
from caching.models import CacheTerms, Entry, Import
from caching.question import questions, standing
from caching.values import NoQuestion, Terms
from inference import counting
from teams import audit
from teams.models import Team
from teams.values import Actor

BATCH = 500
SHOWN = 1000
"""Refused lines that are kept with their reasons; all are counted."""
OPEN = ("waiting", "running")
USUAL_OVER = timedelta(days=30)
USUAL_OF = 1000
TASK = "caching.tasks.bring_in"
STANDS_STILL_S = 10.0
"""An import that nothing was heard of for so long has lost its worker, or waits for one. Should the
worker only be slow, a second one finds the row locked and its batch taken, and leaves it."""
WATCHED = ("name", "model_asked", "system_prompt", "state", "lines", "taken", "rejections")
RENEWED = (
    "scope", "surroundings", "model_asked", "backend", "question", "answer", "answer_class",
    "chunks", "prompt_tokens", "completion_tokens", "cost", "bytes", "tags", "exchange_id",
    "created_at", "expires_at", "pinned_at", "quarantined_at", "quarantine", "rights", "wrongs",
    "imported",
)  # fmt: skip

Item = Pair | Flaw


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """A file, and whom its answers are for: whoever asks without a system prompt, of any model."""

    name: str
    content: bytes
    model: str = standing.ANY
    system: str = standing.WITHOUT


@dataclass(kw_only=True, slots=True)
class Batch:
    """What one transaction takes in, by fingerprint, and what it refuses."""

    entries: dict[str, Entry] = field(default_factory=dict)
    flaws: list[Flaw] = field(default_factory=list)
    replaced: int = 0


def begin(actor: Actor, team: Team, wanted: Wanted) -> Import:
    """Keeps the file and has the background worker read it; raises Unfit if that is in vain."""
    check(wanted)
    with transaction.atomic():
        made = Import.objects.create(
            team=team,
            name=PurePath(wanted.name).name[:200] or "import",
            actor=actor.name,
            model_asked=wanted.model or standing.ANY,
            system_prompt=wanted.system,
            content=wanted.content,
        )
        audit.record(actor, "import", made, after=_facts(made))
        transaction.on_commit(lambda: ask_for(made.pk))
    return made


def check(wanted: Wanted) -> None:
    """Too big, no text, no columns, nothing in it: said before anything is kept."""
    limit = settings.KORA_IMPORT_LIMIT_BYTES
    if len(wanted.content) > limit:
        raise Unfit(
            f"The file has {len(wanted.content):,} bytes; {limit:,} are the most. Divide it."
        )
    if next(pairs.read(wanted.content), None) is None:
        raise Unfit("The file has no line beneath its header.")


def ask_for(import_id: int) -> None:
    """Without a broker it waits for the beat, which looks after imports that stand still."""
    with suppress(BrokerLost):
        current_app.send_task(TASK, args=[import_id], queue="background", retry=False)


def carry_on(import_id: int, *, batches: int | None = None) -> bool:
    """Takes in what is left, or so many batches; whether there is more to do."""
    row = Import.objects.filter(pk=import_id, state__in=OPEN).first()
    if row is None:
        return False
    try:
        if row.total is None and not _count(row):
            return False
        items = islice(pairs.read(bytes(row.content)), row.lines, None)
        while batches is None or batches > 0:
            some = list(islice(items, BATCH))
            if not some:
                _finish(row)
                return False
            if not _take(row, some):
                return False
            batches = None if batches is None else batches - 1
    except Unfit as error:
        fail(import_id, str(error))
        return False
    return True


def fail(import_id: int, why: str) -> None:
    """What was taken stays until somebody undoes it."""
    Import.objects.filter(pk=import_id, state__in=OPEN).update(
        state="failed", message=why, content=b"", changed_at=datetime.now(UTC)
    )


def undo(actor: Actor, row: Import) -> str:
    """Removes the answers that it brought, that no later import replaced and nobody edited; how
    that went, in a sentence or two."""
    with transaction.atomic():
        locked = Import.objects.select_for_update().defer("content").get(pk=row.pk)
        if locked.state == "undone":  # a second click
            return locked.message
        before = _facts(locked)
        _, gone = Entry.objects.filter(imported=locked).delete()
        locked.state, locked.content, locked.changed_at = "undone", b"", datetime.now(UTC)
        locked.message = _told_of_undoing(gone.get("caching.Entry", 0), _edited(locked))
        locked.save(update_fields=["state", "content", "changed_at", "message"])
        audit.record(actor, "undo", locked, before=before, after=_facts(locked))
    return locked.message


def _edited(row: Import) -> int:
    """Answers that it brought and a person has rewritten since; its own backend tells them."""
    rows = Entry.objects.filter(team_id=row.team_id, imported=None, backend=backend(row))
    return rows.filter(tags__import=str(row.pk)).count()


def _told_of_undoing(gone: int, edited: int) -> str:
    said = f"{_answers(gone)} gone."
    if edited:
        said += f" {_answers(edited)} kept, edited by somebody since."
    return said


def _answers(count: int) -> str:
    return f"{count:,} answer is" if count == 1 else f"{count:,} answers are"


def standing_still() -> list[int]:
    """Imports whose worker was killed, or that no worker was ever told of."""
    since = datetime.now(UTC) - timedelta(seconds=STANDS_STILL_S)
    rows = Import.objects.filter(state__in=OPEN, changed_at__lt=since)
    return list(rows.order_by("pk").values_list("pk", flat=True))


def waits(row: Import) -> bool:
    """Whether nobody reads it at this moment, as far as can be told."""
    silent = datetime.now(UTC) - row.changed_at > timedelta(seconds=STANDS_STILL_S)
    return row.state in OPEN and silent


def _facts(row: Import) -> dict[str, Any]:
    return {name: getattr(row, name) for name in WATCHED}


def _count(row: Import) -> bool:
    """Reads it through once, so that its progress can be told and no bad file is half taken."""
    row.total, row.state = sum(1 for _ in pairs.read(bytes(row.content))), "running"
    known = Import.objects.filter(pk=row.pk, state__in=OPEN)
    return bool(known.update(total=row.total, state="running", changed_at=datetime.now(UTC)))


def _take(row: Import, items: Sequence[Item]) -> bool:
    """False where another worker, or an undo, was here first."""
    with transaction.atomic():
        mine = Import.objects.select_for_update().filter(pk=row.pk, state__in=OPEN, lines=row.lines)
        if not mine.values_list("pk").first():
            return False
        batch = _sorted_out(row, items)
        Entry.objects.bulk_create(
            batch.entries.values(),
            update_conflicts=True,
            unique_fields=["team", "fingerprint"],
            update_fields=RENEWED,
        )
        _note(row, len(items), batch)
    return True


def _note(row: Import, looked_at: int, batch: Batch) -> None:
    row.lines += looked_at
    row.taken += len(batch.entries)
    row.replaced += batch.replaced
    row.rejections += len(batch.flaws)
    room = max(SHOWN - len(row.rejected), 0)
    row.rejected += [{"line": flaw.line, "why": flaw.why} for flaw in batch.flaws[:room]]
    row.changed_at = datetime.now(UTC)
    row.save(update_fields=["lines", "taken", "replaced", "rejections", "rejected", "changed_at"])


def _finish(row: Import) -> None:
    Import.objects.filter(pk=row.pk, state__in=OPEN, lines=row.lines).update(
        state="done", message=told(row), content=b"", changed_at=datetime.now(UTC)
    )


def told(row: Import) -> str:
    """How it went, in a sentence or three."""
    said = f"{row.taken} of {row.lines} answers are in."
    if row.replaced:
        said += f" {row.replaced} of them took the place of answers that were there before."
    if row.rejections:
        said += f" {row.rejections} were refused."
    return said


def _sorted_out(row: Import, items: Sequence[Item]) -> Batch:
    batch, costs = Batch(), _Costs(row.team_id)
    made = [each for each in (_made(row, item, costs) for item in items) if each is not None]
    known = _known(row.team_id, [e.fingerprint for e in made if isinstance(e, Entry)])
    room = _room(row.team_id)
    for each in made:
        flaw = each if isinstance(each, Flaw) else _flaw(row, each, batch, known)
        if flaw is None and isinstance(each, Entry) and each.fingerprint not in known:
            room -= 1
            flaw = _full(each) if room < 0 else None
        if flaw is not None:
            batch.flaws.append(flaw)
        elif isinstance(each, Entry):
            batch.entries[each.fingerprint] = each
            batch.replaced += each.fingerprint in known
    return batch


def _flaw(
    row: Import, entry: Entry, batch: Batch, known: Mapping[str, tuple[int | None, str]]
) -> Flaw | None:
    """Inside one file the first stands; what an earlier file said, gives way."""
    earlier = batch.entries.get(entry.fingerprint)
    imported, line = known.get(entry.fingerprint, (None, ""))
    if earlier is not None:
        line = earlier.tags["line"]
    elif imported != row.pk:
        return None
    return Flaw(line=int(entry.tags["line"]), why=f"asks what line {line} asked already")


def _full(entry: Entry) -> Flaw:
    why = "has no room: the team has as many pinned answers as its terms allow rows"
    return Flaw(line=int(entry.tags["line"]), why=why)


def _known(team_id: int, fingerprints: list[str]) -> dict[str, tuple[int | None, str]]:
    rows = Entry.objects.filter(team_id=team_id, fingerprint__in=fingerprints)
    found = rows.values_list("fingerprint", "imported_id", "tags")
    return {name: (imported, str(tags.get("line", "?"))) for name, imported, tags in found}


def _room(team_id: int) -> int:
    said = CacheTerms.objects.filter(team_id=team_id).values_list("rows", flat=True).first()
    pinned = Entry.objects.filter(team_id=team_id, pinned_at__isnull=False).count()
    return max((Terms().rows if said is None else said) - pinned, 0)


def _made(row: Import, item: Item, costs: _Costs) -> Entry | Flaw:
    if isinstance(item, Flaw):
        return item
    model = item.model or row.model_asked or standing.ANY
    asked = {"model": model, "messages": [{"role": "user", "content": item.question}]}
    question = questions.read(asked, form="chat", model=model)
    if isinstance(question, NoQuestion):
        return Flaw(line=item.line, why=f"is no question to compare: {question.reason}")
    if not question.plain:
        return Flaw(line=item.line, why="has more in its question than the question itself")
    around = standing.surroundings(model, item.system or row.system_prompt)
    answer, now = _answer(row, item, asked), datetime.now(UTC)
    usage = answer["usage"]
    body = orjson.dumps(answer)
    return Entry(
        team_id=row.team_id,
        scope=scopes.of_team(row.team_id),
        fingerprint=standing.fingerprint(around, question.text),
        surroundings=around,
        model_asked=model,
        backend=backend(row),
        question=question.text,
        answer=body,
        answer_class=answers.class_of(body),
        chunks=None,
        prompt_tokens=usage["prompt_tokens"],
        completion_tokens=usage["completion_tokens"],
        cost=costs.of(model),
        bytes=len(body),
        tags={**item.tags, "import": str(row.pk), "line": str(item.line)},
        exchange_id=uuid4(),
        created_at=now,
        expires_at=now + timedelta(seconds=Terms().ttl_s),
        pinned_at=now,
        imported_id=row.pk,
    )


def backend(row: Import) -> str:
    """What answers name as their source: it stands in a header, so it is plain letters."""
    return f"import:{slugify(PurePath(row.name).stem)[:80] or row.pk}"


def _answer(row: Import, pair: Pair, asked: dict[str, Any]) -> dict[str, Any]:
    """A whole completion as a model's is stored; its tokens are counted as for any backend that
    reports none."""
    read, written = counting.estimate_tokens(asked), counting.count(pair.answer)
    message = {"role": "assistant", "content": pair.answer}
    return {
        "object": "chat.completion",
        "created": int(row.created_at.timestamp()),
        "model": backend(row),
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": read,
            "completion_tokens": written,
            "total_tokens": read + written,
        },
    }


class _Costs:
    """What one answer of a model cost this team of late, on average; nothing known is zero.

    An imported answer cost nothing. This is what serving it saves.
    """

    def __init__(self, team_id: int) -> None:
        self._team_id = team_id
        self._known: dict[str, Decimal] = {}

    def of(self, model: str) -> Decimal:
        if model not in self._known:
            self._known[model] = self._mean(model)
        return self._known[model]

    def _mean(self, model: str) -> Decimal:
        rows = Exchange.objects.filter(
            team_id=self._team_id,
            at__gte=datetime.now(UTC) - USUAL_OVER,
            state="answered",
            tier__in=("local", "cloud"),
            completion_tokens__gt=0,
        )
        if model != standing.ANY:
            rows = rows.filter(model_asked=model)
        found = rows.order_by("-at", "-id")[:USUAL_OF].aggregate(mean=Avg("cost"))["mean"]
        return round(found or Decimal(0), 12)
