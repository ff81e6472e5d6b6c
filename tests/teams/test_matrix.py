"""Who may do what where: every address of the site stands in this table, or a test fails."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.test import APIClient

from analytics.models import (
    Alert,
    Budget,
    BudgetOverride,
    BudgetScope,
    Channel,
    Exchange,
    Price,
    Sla,
)
from caching.models import Import, Sharing
from inference.store import models
from routing.models import Backend, BackendKey, Experiment, RouterMind, Rule, Simulation, TeamIntent
from routing.publishing import drafts
from teams import keys
from teams.models import AuditRow, Member, Membership, Role, Team
from tests.caching import furniture
from tests.inference.local import tiny

REFUSED = {405, 302}
"""302: the login page sends whoever is logged in on, whatever they ask."""
METHODS = ("GET", "POST", "PATCH", "DELETE")
ANYONE = {"nobody", *Role.values, "operator"}
MEMBERS = {*Role.values, "operator"}
WRITERS = {"owner", "engineer", "operator"}
OWNERS = {"owner", "operator"}
PAYERS = {"owner", "finance", "operator"}
OPERATORS = {"operator"}

Allowed = dict[str, set[str]]
READ: Allowed = {"GET": MEMBERS}
PUBLIC: Allowed = {"GET": ANYONE}


def lists(writers: set[str]) -> Allowed:
    return {"GET": MEMBERS, "POST": writers}


def one(writers: set[str]) -> Allowed:
    return {"GET": MEMBERS, "PATCH": writers, "DELETE": writers}


TABLE: dict[str, Allowed] = {
    "": READ,
    "healthz": PUBLIC,
    "readyz": PUBLIC,
    "metrics": PUBLIC,
    "login/": {"GET": ANYONE, "POST": ANYONE},
    "logout/": {"POST": ANYONE},
    "password/": {"GET": MEMBERS, "POST": MEMBERS},
    "keys/": READ,
    "keys/new/": {"GET": WRITERS, "POST": WRITERS},
    "keys/<key_id>/rotate/": {"GET": WRITERS, "POST": WRITERS},
    "keys/<key_id>/revoke/": {"GET": WRITERS, "POST": WRITERS},
    "team/": READ,
    "team/<team_id>/limits/": {"GET": OPERATORS, "POST": OPERATORS},
    "team/invite/": {"POST": OWNERS},
    "team/<membership_id>/role/": {"POST": OWNERS},
    "team/<membership_id>/remove/": {"GET": OWNERS, "POST": OWNERS},
    "audit/": READ,
    "requests/": READ,
    "requests/<exchange_id>/": READ,
    "budgets/": READ,
    "budgets/new/": {"GET": PAYERS, "POST": PAYERS},
    "budgets/<budget_id>/": {"GET": MEMBERS, "POST": PAYERS},
    "budgets/<budget_id>/raise/": {"POST": PAYERS},
    "budgets/<budget_id>/raise/<override_id>/end/": {"POST": PAYERS},
    "budgets/<budget_id>/pause/": {"POST": PAYERS},
    "budgets/<budget_id>/remove/": {"POST": PAYERS},
    "alerts/": READ,
    "alerts/channels/new/": {"GET": PAYERS, "POST": PAYERS},
    "alerts/channels/<channel_id>/test/": {"POST": PAYERS},
    "alerts/channels/<channel_id>/switch/": {"POST": PAYERS},
    "alerts/channels/<channel_id>/remove/": {"POST": PAYERS},
    "models/": READ,
    "models/<reference>/": READ,
    "models/<reference>/remove/": {"GET": OPERATORS, "POST": OPERATORS},
    "models/<reference>/retry/": {"POST": OPERATORS},
    "backends/": READ,
    "backends/new/": {"GET": OPERATORS, "POST": OPERATORS},
    "backends/<backend_id>/": {"GET": MEMBERS, "POST": OPERATORS},
    "backends/<backend_id>/test/": {"POST": OPERATORS},
    "backends/<backend_id>/health/": READ,
    "backends/<backend_id>/switch/": {"POST": OPERATORS},
    "backends/<backend_id>/keys/": {"POST": OPERATORS},
    "backends/<backend_id>/keys/<backend_key_id>/forgive/": {"POST": OPERATORS},
    "backends/<backend_id>/keys/<backend_key_id>/remove/": {"POST": OPERATORS},
    "answers/": READ,
    "answers/quality/": READ,
    "answers/try/": READ,
    "answers/rehearsal/": {"GET": MEMBERS, "POST": MEMBERS},
    "answers/terms/": {"GET": MEMBERS, "POST": WRITERS},
    "answers/sharing/": {"GET": MEMBERS, "POST": OWNERS},
    "answers/invalidate/": {"GET": MEMBERS, "POST": WRITERS},
    "answers/imports/": {"GET": MEMBERS, "POST": WRITERS},
    "answers/imports/<import_id>/": READ,
    "answers/imports/<import_id>/undo/": {"POST": WRITERS},
    "answers/<entry_id>/": READ,
    "answers/<entry_id>/edit/": {"GET": WRITERS, "POST": WRITERS},
    "answers/<entry_id>/drop/": {"GET": WRITERS, "POST": WRITERS},
    "answers/<entry_id>/<verb>/": {"POST": WRITERS},
    "patterns/": READ,
    "patterns/<pattern_id>/": READ,
    "patterns/<pattern_id>/<move>/": {"POST": WRITERS},
    "routing/rules/": READ,
    "routing/rules/new/": {"GET": WRITERS, "POST": WRITERS},
    "routing/rules/order/": {"POST": WRITERS},
    "routing/rules/<rule_id>/": {"GET": MEMBERS, "POST": WRITERS},
    "routing/rules/<rule_id>/<verb>/": {"POST": WRITERS},
    "routing/settings/": {"GET": MEMBERS, "POST": WRITERS},
    "routing/try/": {"GET": MEMBERS, "POST": MEMBERS},
    "routing/simulate/": {"GET": MEMBERS, "POST": WRITERS},
    "routing/simulate/<simulation_id>/": READ,
    "routing/intents/": READ,
    "routing/intents/new/": {"GET": WRITERS, "POST": WRITERS},
    "routing/intents/train/": {"POST": WRITERS},
    "routing/intents/<intent_id>/": {"GET": MEMBERS, "POST": WRITERS},
    "routing/intents/<intent_id>/remove/": {"POST": WRITERS},
    "routing/experiments/": READ,
    "routing/experiments/new/": {"GET": WRITERS, "POST": WRITERS},
    "routing/experiments/<experiment_id>/": READ,
    "routing/experiments/<experiment_id>/edit/": {"GET": WRITERS, "POST": WRITERS},
    "routing/experiments/<experiment_id>/<move>/": {"POST": WRITERS},
    "routing/learned/": READ,
    "routing/learned/<mind_id>/withdraw/": {"POST": OPERATORS},
    "routing/learned/trials/": {"POST": OPERATORS},
    "routing/versions/": READ,
    "routing/versions/publish/": {"POST": WRITERS},
    "routing/versions/<policy_id>/": READ,
    "routing/versions/<policy_id>/rollback/": {"POST": WRITERS},
    "slas/": READ,
    "slas/new/": {"GET": WRITERS, "POST": WRITERS},
    "slas/<sla_id>/": READ,
    "slas/<sla_id>/edit/": {"GET": WRITERS, "POST": WRITERS},
    "slas/<sla_id>/remove/": {"POST": WRITERS},
    "api/schema/": PUBLIC,
    "api/docs/": PUBLIC,
    "api/health/": READ,
    "api/teams/": lists(OPERATORS),
    "api/teams/<pk>/": {"GET": MEMBERS, "PATCH": OWNERS, "DELETE": OPERATORS, "PUT": OWNERS},
    "api/members/": lists(OWNERS),
    "api/members/<pk>/": one(OWNERS),
    "api/keys/": lists(WRITERS),
    "api/keys/<pk>/": one(WRITERS),
    "api/keys/<pk>/rotate/": {"POST": WRITERS},
    "api/keys/<pk>/revoke/": {"POST": WRITERS},
    "api/audit/": READ,
    "api/audit/<pk>/": READ,
    "api/backends/": lists(OPERATORS),
    "api/backends/<pk>/": one(OPERATORS),
    "api/backends/<pk>/test/": {"POST": OPERATORS},
    "api/prices/": lists(OPERATORS),
    "api/prices/<pk>/": READ,
    "api/budgets/": lists(PAYERS),
    "api/budgets/<pk>/": one(PAYERS),
    "api/budgets/<pk>/overrides/": {"GET": MEMBERS, "POST": PAYERS},
    "api/budgets/<pk>/overrides/<override_id>/end/": {"POST": PAYERS},
    "api/keys/<key_id>/limits/": READ,
    "api/channels/": lists(PAYERS),
    "api/channels/<pk>/": one(PAYERS),
    "api/channels/<pk>/test/": {"POST": PAYERS},
    "api/alerts/": READ,
    "api/alerts/<pk>/": READ,
    "api/requests/": READ,
    "api/requests/<pk>/": READ,
    "api/reports/spend/": READ,
    "api/reports/sla/": READ,
    "api/slas/": lists(WRITERS),
    "api/slas/<pk>/": one(WRITERS),
    "api/cache/entries/": READ,
    "api/cache/entries/<pk>/": one(WRITERS),
    "api/cache/entries/invalidate/": {"POST": WRITERS},
    "api/cache/terms/": READ,
    "api/cache/terms/<pk>/": {"GET": MEMBERS, "PATCH": WRITERS},
    "api/cache/sharing/": lists(OWNERS),
    "api/cache/sharing/<pk>/": READ,
    "api/cache/imports/": lists(WRITERS),
    "api/cache/imports/<pk>/": READ,
    "api/cache/imports/<pk>/undo/": {"POST": WRITERS},
    "api/experiments/": lists(WRITERS),
    "api/experiments/<pk>/": one(WRITERS),
    "api/experiments/<pk>/start/": {"POST": WRITERS},
    "api/experiments/<pk>/stop/": {"POST": WRITERS},
    "api/experiments/<pk>/promote/": {"POST": WRITERS},
    "api/experiments/<pk>/points/": READ,
    "api/rules/": lists(WRITERS),
    "api/rules/<pk>/": one(WRITERS),
    "api/rules/reorder/": {"POST": WRITERS},
    "api/intents/": lists(WRITERS),
    "api/intents/<pk>/": one(WRITERS),
    "api/intents/train/": {"POST": WRITERS},
    "api/intents/report/": READ,
    "api/intents/try/": {"POST": MEMBERS},
    "api/policies/": READ,
    "api/policies/<pk>/": READ,
    "api/policies/<pk>/diff/": READ,
    "api/policies/<pk>/test/": {"POST": MEMBERS},
    "api/policies/<pk>/publish/": {"POST": WRITERS},
    "api/policies/<pk>/rollback/": {"POST": WRITERS},
    "api/policies/<pk>/simulate/": {"POST": WRITERS},
    "api/simulations/": READ,
    "api/simulations/<pk>/": READ,
    "api/learning/": READ,
    "api/learning/<pk>/": READ,
    "api/learning/<pk>/withdraw/": {"POST": OPERATORS},
    "api/backends/<pk>/trial/": {"GET": MEMBERS, "POST": OPERATORS},
    "api/backends/<pk>/keys/": lists(OPERATORS),
    "api/backends/<pk>/keys/<backend_key_id>/": {"PATCH": OPERATORS, "DELETE": OPERATORS},
    "api/policies/settings/": {"GET": MEMBERS, "PATCH": WRITERS},
    "api/patterns/": READ,
    "api/patterns/<pk>/": READ,
    "api/patterns/<pk>/approve/": {"POST": WRITERS},
    "api/patterns/<pk>/canary/": {"POST": WRITERS},
    "api/patterns/<pk>/reject/": {"POST": WRITERS},
    "api/patterns/<pk>/rollback/": {"POST": WRITERS},
}


def routes(resolver: URLResolver, before: str = "") -> Iterator[str]:
    for found in resolver.url_patterns:
        here = before + _plain(str(found.pattern))
        if isinstance(found, URLPattern):
            yield here
        elif found.app_name != "admin":
            yield from routes(found, here)


def _plain(pattern: str) -> str:
    """`^keys/(?P<pk>[^/.]+)/$` and `keys/<int:pk>/` are the same address."""
    named = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"<\1>", pattern.lstrip("^").removesuffix("$"))
    return re.sub(r"<\w+:", "<", named)


ROUTES = sorted(set(routes(get_resolver())))


@pytest.fixture
def people(red: Team) -> dict[str, Member | None]:
    found: dict[str, Member | None] = {"nobody": None}
    for role in Role.values:
        person = Member.objects.create(email=f"{role}@red.test")
        Membership.objects.create(member=person, team=red, role=role)
        found[role] = person
    found["operator"] = Member.objects.create(email="operator@kora.test", is_superuser=True)
    return found


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[str]:
    """A store with one model, which comes back after each removal: it is no row to roll back."""
    before = models.store().folder
    models.use(tmp_path / "models")
    file = models.store().import_file(tiny.write(tmp_path / "t.gguf"), "toy:f16")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("inference.store.models.Store.remove", lambda *_: file)
        yield file.reference
    models.use(before)


@pytest.fixture
def things(red: Team, people: dict[str, Member | None], shelf: str) -> dict[str, Any]:
    """One of everything, by the first words of the address it is found at."""
    red_too = Team.objects.create(organisation=red.organisation, name="red-too")
    key = keys.issue(red, name="k").key.pk
    held = Membership.objects.get(team=red, role=Role.VIEWER).pk
    backend = Backend.objects.create(name="toy", kind="sandbox", model="toy").pk
    exchange = Exchange.objects.create(
        id=uuid.uuid4(), team=red, team_name="red", model_asked="auto", at=datetime.now(UTC)
    ).pk
    budget = Budget.objects.create(
        organisation=red.organisation,
        name="b",
        scope=BudgetScope.TEAM,
        scope_id=str(red.pk),
        limit_usd=1,
    )
    channel = Channel.objects.create(
        organisation=red.organisation,
        team=red,
        name="c",
        kind="webhook",
        address="https://hooks.example.com/",
    )
    alert = Alert.objects.create(
        organisation=red.organisation, team=red, kind="budget", key="k", title="t"
    )
    price = Price.objects.create(backend="toy", price_in=1, price_out=1, price_cached_in=1)
    stored = furniture.entry(red, "How do I get a refund?")
    pattern = furniture.pattern(red, state="canary", share=0.1)
    brought = Import.objects.create(team=red, name="faq.csv", state="done")
    inside = Sharing.objects.get(group=furniture.group(red, red_too), team=red)
    row = AuditRow.objects.create(actor="x", action="y", subject="z", subject_id="1", team=red)
    return {
        "key_id": key,
        "reference": shelf,
        "membership_id": held,
        "backend_id": backend,
        "backend_key_id": BackendKey.objects.create(backend_id=backend, secret_sealed="x").pk,
        "exchange_id": exchange,
        "api/teams": red.pk,
        "api/members": held,
        "api/keys": key,
        "api/audit": row.pk,
        "api/backends": backend,
        "api/prices": price.pk,
        "api/budgets": budget.pk,
        "team_id": red.pk,
        "budget_id": budget.pk,
        "channel_id": channel.pk,
        "api/channels": channel.pk,
        "api/alerts": alert.pk,
        "override_id": BudgetOverride.objects.create(
            budget=budget, limit_usd=2, ends_at=datetime(2099, 1, 1, tzinfo=UTC), reason="r"
        ).pk,
        "api/requests": exchange,
        "entry_id": stored.pk,
        "verb": "pin",
        "pattern_id": pattern.pk,
        "move": "reject",
        "import_id": brought.pk,
        "simulation_id": Simulation.objects.create(policy=drafts.of(red.pk), team=red).pk,
        "intent_id": TeamIntent.objects.create(team=red, name="told", examples=["a"]).pk,
        "experiment_id": Experiment.objects.create(team=red, name="tried").pk,
        "sla_id": Sla.objects.create(team=red, name="told", total_ms=1).pk,
        "api/slas": Sla.objects.create(team=red, name="s", total_ms=1).pk,
        "mind_id": RouterMind.objects.create(weights=b"").pk,
        "rule_id": Rule.objects.create(team=red, name="written", then={"deny": "no"}).pk,
        "policy_id": drafts.of(red.pk).pk,
        "api/cache/entries": stored.pk,
        "api/cache/terms": red.pk,
        "api/cache/sharing": inside.pk,
        "api/cache/imports": brought.pk,
        "api/patterns": pattern.pk,
        "api/intents": TeamIntent.objects.create(team=red, name="i", examples=["a"]).pk,
        "api/experiments": Experiment.objects.create(team=red, name="e").pk,
        "api/rules": Rule.objects.create(team=red, name="r", then={"deny": "no"}).pk,
        "api/learning": RouterMind.objects.create(weights=b"").pk,
        "api/policies": drafts.of(red.pk).pk,
        "api/simulations": Simulation.objects.create(policy=drafts.of(red.pk), team=red).pk,
    }


def address(route: str, things: dict[str, Any]) -> str:
    words = route.split("/")
    collection = "/".join(words[: 3 if "cache" in words else 2])
    filled = re.sub(
        r"<(\w+)>",
        lambda name: str(things[collection if name.group(1) == "pk" else name.group(1)]),
        route,
    )
    return f"/{filled}"


def ask(member: Member | None, method: str, path: str) -> int:
    """The answer's status; a way to the login page is as good as 401. Nothing stays written."""
    client = APIClient()
    if member is not None:
        client.force_login(member, backend="django.contrib.auth.backends.ModelBackend")
    form = "json" if path.startswith("/api/") else "multipart"
    how = {} if method == "GET" else {"format": form}
    with transaction.atomic():
        answer = getattr(client, method.lower())(path, {}, **how)
        transaction.set_rollback(True)
    away = str(answer.headers.get("Location", "")).startswith("/login/?next")
    return 401 if away else int(answer.status_code)


def test_the_table_knows_every_address() -> None:
    assert set(ROUTES) - TABLE.keys() == set(), "say in TABLE who may do what there"


@pytest.mark.parametrize("route", [route for route in ROUTES if route in TABLE])
def test_each_role_may_do_what_the_table_says(
    route: str,
    people: dict[str, Member | None],
    things: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("routing.tasks.ask_for_probe", lambda backend: None)
    monkeypatch.setattr("routing.tasks.ask_to_teach", lambda: None)
    path = address(route, things)
    for method in METHODS:
        allowed = TABLE[route].get(method)
        if allowed is None:
            assert ask(people["operator"], method, path) in REFUSED, (method, path)
            continue
        for role, member in people.items():
            status = ask(member, method, path)
            assert (status not in {401, 403, 405, 500}) is (role in allowed), (
                method,
                path,
                role,
                status,
            )
