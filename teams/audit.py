"""The audit log: every write by somebody leaves one row with what it changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import Model

from teams.access import actor_of
from teams.models import AuditRow, Team
from teams.values import Actor

if TYPE_CHECKING:
    from rest_framework.serializers import BaseSerializer
    from rest_framework.viewsets import ModelViewSet

    _View = ModelViewSet[Any]
else:
    _View = object

SECRETS = frozenset({"password", "digest", "secret_sealed", "last_four", "address"})
UNINTERESTING = frozenset({"updated_at", "last_login", "created_at"})
HIDDEN = "(hidden)"

Facts = Mapping[str, Any]


def record(
    actor: Actor,
    action: str,
    subject: Model,
    *,
    before: Facts | None = None,
    after: Facts | None = None,
) -> AuditRow:
    """Keeps only the fields that differ; a secret's change shows as `(hidden)`, its value never."""
    named = _Subject(str(subject._meta.verbose_name), str(subject.pk), _name(subject))
    return _write(actor, action, named, team_id=_team_id(subject), differs=(before, after))


def record_file(
    actor: Actor,
    action: str,
    reference: str,
    *,
    before: Facts | None = None,
    after: Facts | None = None,
) -> AuditRow:
    """Model files stand on the disk and not in a table; their name is their id."""
    named = _Subject("model file", reference, reference)
    return _write(actor, action, named, team_id=None, differs=(before, after))


class _Subject(NamedTuple):
    kind: str
    id: str
    name: str


def _write(
    actor: Actor,
    action: str,
    subject: _Subject,
    *,
    team_id: int | None,
    differs: tuple[Facts | None, Facts | None],
) -> AuditRow:
    old, new = _difference(differs[0] or {}, differs[1] or {})
    return AuditRow.objects.create(
        actor=actor.name,
        address=actor.address,
        action=action,
        subject=subject.kind,
        subject_id=subject.id,
        subject_name=subject.name,
        team_id=team_id,
        before=old,
        after=new,
    )


def facts_of(subject: Model) -> dict[str, Any]:
    """Every column as JSON says it, secrets included: only `record` may write this down."""
    columns = [field.attname for field in subject._meta.concrete_fields]
    found = {name: getattr(subject, name) for name in columns if name not in UNINTERESTING}
    shown: dict[str, Any] = json.loads(json.dumps(found, cls=DjangoJSONEncoder))
    return shown


def _difference(before: Facts, after: Facts) -> tuple[dict[str, Any], dict[str, Any]]:
    names = [*before, *(name for name in after if name not in before)]
    changed = [name for name in names if before.get(name) != after.get(name)]
    return _hidden(before, changed), _hidden(after, changed)


def _hidden(facts: Facts, names: list[str]) -> dict[str, Any]:
    kept = {name: facts[name] for name in names if name in facts}
    return {n: HIDDEN if n in SECRETS and value else value for n, value in kept.items()}


def _name(subject: Model) -> str:
    return str(getattr(subject, "name", "") or subject)


def _team_id(subject: Model) -> int | None:
    if isinstance(subject, Team):
        return subject.pk
    found = getattr(subject, "team_id", None)
    return found if isinstance(found, int) else None


class Audited(_View):
    """A viewset whose create, update and delete each leave exactly one row, in one transaction."""

    def facts(self, subject: Model) -> dict[str, Any]:
        """What of the subject is watched; a view adds what it keeps in other tables."""
        return facts_of(subject)

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        with transaction.atomic():
            made = serializer.save()
            record(actor_of(self.request), "create", made, after=self.facts(made))

    def perform_update(self, serializer: BaseSerializer[Any]) -> None:
        with transaction.atomic():
            assert serializer.instance is not None
            before = self.facts(serializer.instance)
            saved = serializer.save()
            record(actor_of(self.request), "update", saved, before=before, after=self.facts(saved))

    def perform_destroy(self, instance: Any) -> None:
        """The row is written while the subject still has its id and, if it is one, its team."""
        with transaction.atomic():
            record(actor_of(self.request), "delete", instance, before=self.facts(instance))
            instance.delete()
