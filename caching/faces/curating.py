"""What a person does with one stored answer: pin, edit, take out of service, drop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from caching import answers
from caching.faces import contents
from caching.models import Entry, Evidence
from teams import audit
from teams.values import Actor

Verb = Callable[[Entry], None]


def pin(entry: Entry) -> None:
    """Its answer stands: it is not compared any more and does not expire."""
    entry.pinned_at = entry.pinned_at or datetime.now(UTC)
    release(entry)


def unpin(entry: Entry) -> None:
    entry.pinned_at = None


def quarantine(entry: Entry) -> None:
    entry.quarantined_at = entry.quarantined_at or datetime.now(UTC)
    entry.quarantine = entry.quarantine or "person"


def release(entry: Entry) -> None:
    entry.quarantined_at, entry.quarantine = None, ""


VERBS: Mapping[str, Verb] = {
    "pin": pin,
    "unpin": unpin,
    "quarantine": quarantine,
    "release": release,
}


def carry_out(actor: Actor, entry: Entry, verb: str) -> None:
    """Leaves one audit row; asked again it changes nothing and says so in an empty difference."""
    with transaction.atomic():
        before = facts_of(entry)
        VERBS[verb](entry)
        entry.save(update_fields=["pinned_at", "quarantined_at", "quarantine"])
        audit.record(actor, verb, entry, before=before, after=facts_of(entry))


def edit(actor: Actor, entry: Entry, words: str) -> None:
    """A person's answer is pinned; what was found of the old one says nothing about it."""
    with transaction.atomic():
        before = facts_of(entry)
        rewrite(entry, words)
        audit.record(actor, "edit", entry, before=before, after=facts_of(entry))


def rewrite(entry: Entry, words: str) -> None:
    """It is the person's from here on: undoing the import that brought it leaves it."""
    entry.imported = None
    entry.answer, entry.chunks = contents.rewritten(entry.answer, words), None
    entry.answer_class = answers.class_of(entry.answer)
    entry.rights, entry.wrongs, entry.doubts = 0, 0, 0
    entry.bytes = len(entry.answer)
    pin(entry)
    entry.save()
    Evidence.objects.filter(entry=entry, right=None).delete()


def drop(actor: Actor, entry: Entry) -> None:
    with transaction.atomic():
        audit.record(actor, "delete", entry, before=facts_of(entry))
        entry.delete()


def facts_of(entry: Entry) -> dict[str, Any]:
    """What an audit row tells apart: the words and the standing, not bytes and counters."""
    return {
        "question": entry.question,
        "answer": contents.text(entry.answer),
        "pinned_at": _moment(entry.pinned_at),
        "quarantined_at": _moment(entry.quarantined_at),
        "quarantine": entry.quarantine,
        "rights": entry.rights,
        "wrongs": entry.wrongs,
    }


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
