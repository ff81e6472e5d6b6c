"""Writes of a page through the control plane's serializers, with their audit row."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from django.db import transaction

from teams import audit
from teams.access import actor_of, etag_of
from teams.errors import Refused, Stale

if TYPE_CHECKING:
    from django.db.models import Model
    from django.http import HttpRequest
    from rest_framework.serializers import ModelSerializer

    Judge = type[ModelSerializer[Any]]


CHANGED = "Somebody changed this since you looked at it. Below is what you wrote; the other way to "
CHANGED += "go on is to open the page again."


class Refusable(Protocol):
    """A form that can say what the control plane would not take."""

    def refuse(self, errors: Any) -> None: ...

    def add_error(self, field: str | None, error: Any) -> None: ...


@contextlib.contextmanager
def judged(form: Refusable) -> Iterator[None]:
    """What keeps a write from being done is said on its form."""
    try:
        yield
    except Refused as error:
        form.refuse(error.errors)
    except Stale:
        form.add_error(None, CHANGED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """A row as somebody looked at it."""

    row: Model
    mark: str
    volatile: frozenset[str] = frozenset()
    """What of it changes without being written."""


def mark(request: HttpRequest, judge: Judge, row: Model, volatile: frozenset[str]) -> str:
    return etag_of(judge(row, context=_context(request, judge)).data, volatile)


def create(request: HttpRequest, judge: Judge, said: Mapping[str, Any]) -> Any:
    with transaction.atomic():
        made = _saved(judge(data=dict(said), context=_context(request, judge)))
        audit.record(actor_of(request), "create", made, after=audit.facts_of(made))
    return made


def update(request: HttpRequest, judge: Judge, seen: Seen, said: Mapping[str, Any]) -> Any:
    """Raises Stale where the row is not what was looked at any more."""
    with transaction.atomic():
        rows = type(seen.row)._default_manager.select_for_update(of=("self",))
        now = rows.get(pk=seen.row.pk)
        if seen.mark and seen.mark != mark(request, judge, now, seen.volatile):
            raise Stale
        before = audit.facts_of(now)
        saved = _saved(judge(now, data=dict(said), partial=True, context=_context(request, judge)))
        after = audit.facts_of(saved)
        audit.record(actor_of(request), "update", saved, before=before, after=after)
    return saved


def remove(request: HttpRequest, row: Model) -> None:
    with transaction.atomic():
        audit.record(actor_of(request), "delete", row, before=audit.facts_of(row))
        row.delete()


def _context(request: HttpRequest, judge: Judge) -> dict[str, Any]:
    """No view stands between; a serializer that asks who may write has `write_roles` itself."""
    return {"request": request, "view": judge}


def _saved(judged: Any) -> Any:
    if not judged.is_valid():
        raise Refused({str(place): words_of(said) for place, said in judged.errors.items()})
    return judged.save()


def words_of(said: Any) -> list[str]:
    """Errors of a list's members come as an object by their place."""
    if isinstance(said, Mapping):
        return [f"{place}: {each}" for place, some in said.items() for each in words_of(some)]
    return [str(each) for each in said] if isinstance(said, list) else [str(said)]
