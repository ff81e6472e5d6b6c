"""Tries one request under a policy that need not be in force: the decision, and nothing is run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from routing import catalog, inquiries, stages
from routing.errors import Refusal
from routing.models import Policy
from routing.policy import deciding
from routing.publishing import in_force, versions
from routing.publishing.in_force import InForce
from routing.way import Incoming, Way
from teams.models import Scope, Team
from teams.values import Caller

BY = "console"
"""The name of the key that nobody holds, as facts and receipts have it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A request as the chat path takes it."""

    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


def under(policy: Policy, team: Team) -> InForce:
    """What would decide this team's requests, were this policy in force in its scope."""
    part = in_force.compiled(versions.content_of(policy), policy.team_id, number=policy.number or 0)
    return in_force.under(catalog.current().policies, policy.team_id, part, team.pk)


def rehearse(team: Team, standing: InForce, asked: Asked) -> dict[str, Any]:
    """As `/v1/route` says it; a refusal is an answer too."""
    headers = {name.lower(): value for name, value in asked.headers.items()}
    incoming = Incoming(raw=_raw(asked.body), headers=headers, address="")
    way = Way(incoming=incoming, draw=deciding.GREEDY)
    way.known_caller, way.known_standing = _somebody(team), standing
    try:
        inquiries.understand(way)
        stages.check_model(way)
        return {"refused": None, **inquiries.decided(way)}
    except Refusal as refusal:
        return {"refused": _told(refusal), **inquiries.about(way)}


def _raw(body: Mapping[str, Any]) -> bytes:
    """As a caller would have sent it: what is no JSON of UTF-8 is refused where all requests are
    read."""
    try:
        return orjson.dumps(dict(body))
    except TypeError:
        return json.dumps(body).encode()


def _told(refusal: Refusal) -> dict[str, Any]:
    return {
        "code": refusal.code,
        "message": refusal.message,
        "param": refusal.param,
        **refusal.details,
    }


def _somebody(team: Team) -> Caller:
    return Caller(
        key_id=0,
        key_public="",
        key_name=BY,
        team_id=team.pk,
        team=team.name,
        organisation_id=team.organisation_id,
        scopes=frozenset({Scope.INFER.value}),
    )
