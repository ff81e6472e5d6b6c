"""The console's pages about people: keys, teams' members, and the audit log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from teams import audit as log
from teams import browsing, forms, members
from teams import keys as verbs
from teams.access import OWNERS, WRITERS, actor_of, may_grant
from teams.errors import LastOwner
from teams.models import ApiKey, Membership, Role
from teams.values import Actor

form_page = require_http_methods(["GET", "HEAD", "POST"])


@login_required
@require_safe
def keys(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    found = browsing.keys(actor, request.GET.get("team", ""))[: browsing.MANY]
    shown = {
        "rows": [(key, actor.may(WRITERS, key.team_id)) for key in found],
        "may_write": actor.may_somewhere(WRITERS),
        "now": datetime.now(UTC),
    }
    return render(request, "teams/keys.html", shown)


@login_required
@never_cache
@form_page
def key_create(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    if not actor.may_somewhere(WRITERS):
        raise PermissionDenied
    form = forms.KeyForm(request.POST or None, actor=actor, initial=_chosen(request, actor))
    if not form.is_valid():
        return render(request, "teams/key_new.html", {"form": form})
    with transaction.atomic():
        issued = verbs.issue(**_terms(form.cleaned_data), created_by=actor.name)
        log.record(actor, "create", issued.key, after=log.facts_of(issued.key))
    return render(request, "teams/key_issued.html", {"issued": issued})


@login_required
@never_cache
@form_page
def key_rotate(request: HttpRequest, key_id: int) -> HttpResponse:
    actor, key = _own_key(request, key_id)
    if key.revoked_at is not None or not may_grant(actor, key.team_id, key.scopes):
        raise PermissionDenied
    form = forms.OverlapForm(request.POST or None)
    if not form.is_valid():
        return render(request, "teams/key_rotate.html", {"form": form, "key": key})
    hours = timedelta(hours=form.cleaned_data["overlap_hours"])
    with transaction.atomic():
        issued = verbs.rotate(key, overlap=hours, by=actor.name)
        log.record(actor, "rotate", key, after={"successor": issued.key.public})
    return render(request, "teams/key_issued.html", {"issued": issued, "old": key})


@login_required
@form_page
def key_revoke(request: HttpRequest, key_id: int) -> HttpResponse:
    actor, key = _own_key(request, key_id)
    if request.method != "POST":
        return render(request, "teams/key_revoke.html", {"key": key})
    with transaction.atomic():
        before = log.facts_of(key)
        verbs.revoke(key)
        key.refresh_from_db()
        log.record(actor, "revoke", key, before=before, after=log.facts_of(key))
    messages.success(request, f"The key “{key.name}” is revoked.")
    return redirect("keys")


@login_required
@require_safe
def team(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    chosen = forms.InviteForm(actor=actor, initial=_chosen(request, actor))
    return _team_page(request, chosen)


@login_required
@never_cache
@require_POST
def member_invite(request: HttpRequest) -> HttpResponse:
    """The password of a new person is on this page and nowhere else."""
    actor = actor_of(request)
    if not actor.may_somewhere(OWNERS):
        raise PermissionDenied
    form = forms.InviteForm(request.POST, actor=actor)
    if not form.is_valid():
        return _team_page(request, form)
    asked = form.cleaned_data
    with transaction.atomic():
        invited = members.invite(
            asked["team"], asked["email"], role=asked["role"], name=asked["name"]
        )
        held = invited.membership
        log.record(actor, "create", held, after=log.facts_of(held))
    return _team_page(request, forms.InviteForm(actor=actor), invited=invited)


@login_required
@require_POST
def member_role(request: HttpRequest, membership_id: int) -> HttpResponse:
    actor, held = _own_membership(request, membership_id)
    form = forms.RoleForm(request.POST)
    if not form.is_valid():
        messages.error(request, "No such role.")
        return redirect("team")
    before = log.facts_of(held)
    try:
        with transaction.atomic():
            members.change_role(held, form.cleaned_data["role"])
            log.record(actor, "update", held, before=before, after=log.facts_of(held))
        messages.success(request, f"{held.member} is now {held.get_role_display().lower()}.")
    except LastOwner:
        messages.error(request, str(LastOwner.__doc__))
    return redirect("team")


@login_required
@form_page
def member_remove(request: HttpRequest, membership_id: int) -> HttpResponse:
    actor, held = _own_membership(request, membership_id)
    if request.method != "POST":
        return render(request, "teams/member_remove.html", {"held": held})
    try:
        with transaction.atomic():
            log.record(actor, "delete", held, before=log.facts_of(held))
            members.remove(held)
        messages.success(request, f"{held.member} left the team {held.team}.")
    except LastOwner:
        messages.error(request, str(LastOwner.__doc__))
    return redirect("team")


@login_required
@require_safe
def audit(request: HttpRequest) -> HttpResponse:
    asked = request.GET.dict()
    shown = {
        "page": browsing.audit(actor_of(request), asked),
        "asked": asked,
        "spans": list(browsing.SPANS),
        "filtered": any(asked.get(name) for name in browsing.AUDIT_FILTERS),
    }
    part = "#rows" if request.htmx and request.htmx.target == "rows" else ""  # type: ignore[attr-defined]
    return render(request, f"teams/audit.html{part}", shown)


def _team_page(request: HttpRequest, form: forms.InviteForm, **more: Any) -> HttpResponse:
    actor = actor_of(request)
    rows = list(browsing.memberships(actor, request.GET.get("team", "")))
    shown = {
        "rows": [(held, actor.may(OWNERS, held.team_id)) for held in rows],
        "form": form,
        "roles": Role.choices,
        "may_invite": actor.may_somewhere(OWNERS),
        "teams": browsing.teams(actor),
        "operates": actor.operates,
    }
    return render(request, "teams/team.html", shown | more)


def _terms(asked: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in asked.items() if name != "models"} | {
        "allowed_models": asked["models"]
    }


def _chosen(request: HttpRequest, actor: Actor) -> dict[str, Any]:
    name = request.GET.get("team", "")
    return {"team": forms.writable_teams(actor).filter(name=name).first()} if name else {}


def _own_key(request: HttpRequest, key_id: int) -> tuple[Actor, ApiKey]:
    """A foreign key is not found; one of a team where the role only reads is forbidden."""
    actor = actor_of(request)
    key = get_object_or_404(browsing.keys(actor), pk=key_id)
    if not actor.may(WRITERS, key.team_id):
        raise PermissionDenied
    return actor, key


def _own_membership(request: HttpRequest, membership_id: int) -> tuple[Actor, Membership]:
    actor = actor_of(request)
    held = get_object_or_404(browsing.memberships(actor), pk=membership_id)
    if not actor.may(OWNERS, held.team_id):
        raise PermissionDenied
    return actor, held
