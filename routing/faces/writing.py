"""What a person does with rules and settings on a page: as the control plane, by its serializer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.db import transaction

from routing.faces.policy_serializers import RuleSerializer
from routing.models import Policy, Rule
from routing.publishing import checking, drafts, versions
from routing.publishing.versions import Asked
from teams import audit
from teams.access import actor_of, etag_of
from teams.errors import Refused, Stale

if TYPE_CHECKING:
    from django.http import HttpRequest

    from routing.faces.asking import Scope

VOLATILE = frozenset({"findings", "hits"})


def mark(request: HttpRequest, rule: Rule) -> str:
    """Changes whenever the rule does; the same tag as the control plane's."""
    return etag_of(_judge(request, rule).data, VOLATILE)


def create(request: HttpRequest, scope: Scope, said: Mapping[str, Any]) -> Rule:
    with transaction.atomic():
        drafts.locked(scope.team_id)
        wanted = {**said, "team": scope.team.name if scope.team else None}
        made = _saved(_judge(request, None, wanted))
        audit.record(actor_of(request), "create", made, after=audit.facts_of(made))
    return made


def update(request: HttpRequest, rule: Rule, said: Mapping[str, Any], seen: str = "") -> Rule:
    """Raises Stale where it is not what `seen` stands for any more."""
    with transaction.atomic():
        drafts.locked(rule.team_id)
        now = Rule.objects.select_for_update(of=("self",)).select_related("team").get(pk=rule.pk)
        if seen and seen != mark(request, now):
            raise Stale
        before = audit.facts_of(now)
        saved = _saved(_judge(request, now, said))
        after = audit.facts_of(saved)
        audit.record(actor_of(request), "update", saved, before=before, after=after)
    return saved


def remove(request: HttpRequest, rule: Rule) -> None:
    with transaction.atomic():
        drafts.locked(rule.team_id)
        audit.record(actor_of(request), "delete", rule, before=audit.facts_of(rule))
        rule.delete()


def reorder(request: HttpRequest, scope: Scope, ids: Sequence[int]) -> None:
    """Raises Stale where these are not the scope's rules any more."""
    with transaction.atomic():
        draft = drafts.locked(scope.team_id)
        before = drafts.rules(scope.team_id)
        if sorted(ids) != sorted(rule.pk for rule in before):
            raise Stale
        after = drafts.reorder(scope.team_id, ids)
        was, now = {"rules": [rule.name for rule in before]}, {"rules": after}
        audit.record(actor_of(request), "reorder", draft, before=was, after=now)


def move(request: HttpRequest, scope: Scope, rule: Rule, by: int) -> int:
    """One place up or down; returns the place it has then, from 1."""
    ids = [each.pk for each in drafts.rules(scope.team_id)]
    place = ids.index(rule.pk)
    wanted = min(max(place + by, 0), len(ids) - 1)
    ids.insert(wanted, ids.pop(place))
    if wanted != place:
        reorder(request, scope, ids)
    return wanted + 1


def publish(request: HttpRequest, scope: Scope, asked: Asked, seen: str) -> Policy:
    """Raises Stale where the draft says something else by now than what `seen` stands for."""
    with transaction.atomic():
        drafts.locked(scope.team_id)
        if seen and seen != etag_of(drafts.content(scope.team_id)):
            raise Stale
        return versions.publish(actor_of(request), scope.team_id, asked)


def set_settings(request: HttpRequest, scope: Scope, said: dict[str, Any], seen: str) -> None:
    with transaction.atomic():
        draft = drafts.locked(scope.team_id)
        before = drafts.settings(scope.team_id)
        if seen != etag_of(before):
            raise Stale
        wrong = {each.place: [each.words] for each in checking.settings(said)}
        if wrong:
            raise Refused(wrong)
        drafts.set_settings(scope.team_id, said)
        audit.record(actor_of(request), "settings", draft, before=before, after=said)


def _judge(
    request: HttpRequest, rule: Rule | None, said: Mapping[str, Any] | None = None
) -> RuleSerializer:
    context = {"request": request, "view": None}
    if said is None:
        return RuleSerializer(rule, context=context)
    return RuleSerializer(rule, data=dict(said), partial=rule is not None, context=context)


def _saved(judged: RuleSerializer) -> Rule:
    if not judged.is_valid():
        raise Refused({str(place): _words(said) for place, said in judged.errors.items()})
    saved: Rule = judged.save()
    return saved


def _words(said: Any) -> list[str]:
    return [str(each) for each in said] if isinstance(said, list) else [str(said)]
