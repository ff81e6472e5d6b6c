"""What a fresh KORA starts with: a team, an administrator, two keys, and five backends."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.db import transaction

from analytics.models import Price
from inference.embeddings import minilm
from inference.store import models, shipped_model
from inference.store.errors import ModelError
from kora_site import environment
from kora_site.up import home
from routing.models import Backend, Kind
from teams import audit, keys
from teams.models import ApiKey, Member, Membership, Organisation, Role, Scope, Team
from teams.values import Actor

NAME = "default"
EMAIL = "admin@kora.local"
OPERATOR = Actor(name="command line", operates=True)
KEY_NAMES = {"api_key": "first run", "admin_key": "first run (manage)"}
SCOPES = {
    "api_key": [Scope.INFER.value],
    "admin_key": [Scope.MANAGE.value, Scope.OPERATE.value],
}

SANDBOX: Mapping[str, Mapping[str, Any]] = {
    "sandbox-small": {
        "quality": 0.55,
        "context": 32_768,
        "options": {"first_token_ms": 40, "token_ms": 3},
        "prices": ("0.15", "0.60", "0.075"),
    },
    "sandbox-large": {
        "quality": 0.8,
        "context": 131_072,
        "options": {"first_token_ms": 120, "token_ms": 8},
        "prices": ("2.50", "10.00", "1.25"),
    },
    "sandbox-reasoner": {
        "quality": 0.92,
        "context": 200_000,
        "options": {"first_token_ms": 400, "token_ms": 12},
        "prices": ("5.00", "25.00", "0.50"),
    },
}
"""Stand-ins for paid models of three sizes; their prices are typical and billed to nobody."""

MINI_QUALITY = 0.15
"""kora-mini is a demo: it knows a few small tasks and nothing else."""
COMPUTE_S = Decimal("0.00001")
"""USD for a second of a core: what rented ones cost in an ordinary month, rounded up."""


def path() -> Path:
    return environment.home() / "first-run.json"


def known_url() -> str:
    """The running KORA's; else the one it had on its first run; else the one it would have."""
    running, first = environment.services_file(), path()
    would_be = f"http://{environment.host()}:{environment.port()}"
    return environment.url_of(running) or environment.url_of(first) or would_be


@transaction.atomic
def ensure(url: str) -> dict[str, str] | None:
    """Makes everything once; None when this database has been started before."""
    if Organisation.objects.exists():
        return None
    organisation = Organisation.objects.create(name=NAME)
    Team.objects.create(organisation=organisation, name=NAME)
    for name, words in SANDBOX.items():
        _make_sandbox(name, words)
    _make_ours(
        shipped_model.NAME,
        shipped_model.REFERENCE,
        capabilities=["json_schema"],
        quality=MINI_QUALITY,
    )
    _make_ours(minilm.NAME, minilm.REFERENCE, capabilities=["embeddings"])
    return _issue(url)


@transaction.atomic
def reset(url: str) -> dict[str, str]:
    """A new password and new keys; those of the first run or of the last reset end now."""
    for key in ApiKey.objects.filter(team__name=NAME, name__in=KEY_NAMES.values()):
        if keys.revoke(key):
            audit.record(OPERATOR, "revoke", key)
    return _issue(url)


def _issue(url: str) -> dict[str, str]:
    """Written before the commit: better a file of keys that never were than keys nobody saw."""
    team = _team()
    made = {
        "url": url,
        "admin_email": EMAIL,
        "admin_password": _set_password(team),
        **{word: _issue_key(team, word) for word in KEY_NAMES},
    }
    home.write_private(path(), {**made})
    return made


def _issue_key(team: Team, word: str) -> str:
    name, by = KEY_NAMES[word], OPERATOR.name
    issued = keys.issue(team, name=name, scopes=SCOPES[word], created_by=by)
    audit.record(OPERATOR, "create", issued.key, after=audit.facts_of(issued.key))
    return issued.text


def _team() -> Team:
    organisation, _ = Organisation.objects.get_or_create(name=NAME)
    return Team.objects.get_or_create(name=NAME, defaults={"organisation": organisation})[0]


def _set_password(team: Team) -> str:
    password = secrets.token_urlsafe(15)
    member = Member.objects.filter(email=EMAIL).first() or Member(email=EMAIL, name="Administrator")
    member.is_active = member.is_staff = member.is_superuser = True
    member.set_password(password)
    member.save()
    audit.record(OPERATOR, "set password", member)
    Membership.objects.update_or_create(
        member=member, team=team, defaults={"role": Role.OWNER.value}
    )
    return password


def _make_sandbox(name: str, words: Mapping[str, Any]) -> None:
    Backend.objects.create(
        name=name,
        kind=Kind.SANDBOX.value,
        model=name,
        context=words["context"],
        capabilities=["tools", "json_schema"],
        quality=words["quality"],
        options=words["options"],
    )
    into, out, cached = (Decimal(price) for price in words["prices"])
    Price.objects.create(
        backend=name, price_in=into, price_out=out, price_cached_in=cached, created_by=OPERATOR.name
    )


def _make_ours(name: str, reference: str, **words: Any) -> None:
    """A backend of a model that comes with KORA; not where its file is not in the store."""
    try:
        model = models.find(reference)
    except ModelError:
        return
    context = model.facts.context
    Backend.objects.create(
        name=name,
        kind=Kind.LOCAL.value,
        model=model.reference,
        context=context,
        max_output=context // 2,
        **words,
    )
    Price.objects.create(
        backend=name,
        price_in=0,
        price_out=0,
        price_cached_in=0,
        price_compute_s=COMPUTE_S,
        created_by=OPERATOR.name,
    )
