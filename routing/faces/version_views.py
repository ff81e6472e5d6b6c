"""The console's pages about versions: the history, one of them beside another, publishing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from routing.faces import asking, differences, rule_showing, writing
from routing.faces.asking import Scope
from routing.faces.rule_forms import pretty
from routing.models import Policy, PolicyState
from routing.publishing import checking, drafts, versions
from routing.publishing.errors import NotPublished, Unsound
from routing.publishing.values import NO_CONTENT
from routing.publishing.versions import Asked
from teams.access import actor_of, etag_of
from teams.errors import Stale

if TYPE_CHECKING:
    from django.db.models import QuerySet

MANY = 50
CHANGED = "Something else is in force or in the draft by now: look again before you publish."


@login_required
@require_safe
def routing_versions(request: HttpRequest) -> HttpResponse:
    scope = asking.scope(request)
    content = drafts.content(scope.team_id)
    in_force = versions.number_standing(scope.team_id)
    before = versions.content_numbered(scope.team_id, in_force)
    shown = {
        "scope": scope,
        "team": scope.team,
        "draft": drafts.of(scope.team_id),
        "changes": differences.told(before, content),
        "findings": checking.check(scope.team_id, content),
        "seen": etag_of(content),
        "in_force": in_force,
        "rows": _published(scope).order_by("-number")[:MANY],
    }
    return render(request, "routing/versions.html", shown)


@login_required
@require_safe
def routing_version(request: HttpRequest, policy_id: int) -> HttpResponse:
    """One version or the draft, in words; beside the one chosen, or what came before it."""
    row: Policy = asking.one(request, Policy.objects.select_related("team"), policy_id)
    scope = asking.scope_of(request, row.team)
    content, other = versions.content_of(row), _other(request, row, scope)
    before = versions.content_of(other) if other else NO_CONTENT
    shown: dict[str, Any] = {
        "scope": scope,
        "team": scope.team,
        "row": row,
        "other": other,
        "changes": differences.told(before, content),
        "rules": [rule_showing.told(rule) for rule in content.get("rules", ())],
        "settings": pretty(content.get("settings", {})),
        "in_force": versions.number_standing(scope.team_id),
        "others": _published(scope).exclude(pk=row.pk).order_by("-number")[:MANY],
    }
    return render(request, "routing/version.html", shown)


@login_required
@require_POST
def routing_publish(request: HttpRequest) -> HttpResponse:
    scope = asking.written(request)
    number = request.POST.get("based_on", "")
    asked = Asked(note=_note(request), seen=int(number) if number.isdecimal() else None)
    try:
        made = writing.publish(request, scope, asked, request.POST.get("seen", ""))
        said = f"Version {made.number} is in force. Requests go by it within a second."
        messages.success(request, said)
    except Stale:
        messages.error(request, CHANGED)
    except Unsound as error:
        messages.error(request, f"Not published: {error}.")
    return redirect(scope.at("routing_versions"))


@login_required
@require_POST
def routing_rollback(request: HttpRequest, policy_id: int) -> HttpResponse:
    row: Policy = asking.one(request, Policy.objects.select_related("team"), policy_id)
    scope = asking.scope_of(request, row.team)
    asking.require_writer(scope)
    before = versions.number_standing(scope.team_id)
    try:
        made = versions.roll_back(actor_of(request), row, Asked(note=_note(request)))
        said = f"What version {row.number} says is in force again, as version {made.number}. "
        said += f"To undo this, bring version {before} back." if before else ""
        messages.success(request, said)
    except NotPublished:
        messages.error(request, str(NotPublished.__doc__))
    return redirect(scope.at("routing_versions"))


def _published(scope: Scope) -> QuerySet[Policy]:
    return drafts.within(Policy.objects.filter(state=PolicyState.PUBLISHED), scope.team_id)


def _other(request: HttpRequest, row: Policy, scope: Scope) -> Policy | None:
    """The one named in the address; else what was in force before, or is beside a draft."""
    named = request.GET.get("with", "")
    if named.isdecimal() and len(named) < 19:
        return drafts.within(Policy.objects.filter(pk=named), scope.team_id).first()
    number = row.based_on if row.number else versions.number_standing(scope.team_id)
    return _published(scope).filter(number=number or 0).first()


def _note(request: HttpRequest) -> str:
    return request.POST.get("note", "").strip()[:2000]
