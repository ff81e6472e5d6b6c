"""What is sent of an alert: the text of a mail, the body of a webhook, and its signature."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from analytics.promise_models import Alert

HEADINGS = {"info": "For your information", "warning": "Warning", "critical": "Critical"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One alert for one channel; `delivery` stays the same when it is sent again."""

    delivery: int
    kind: str
    address: str
    secret: str = field(default="", repr=False)
    title: str
    text: str
    facts: dict[str, Any]


def facts_of(alert: Alert) -> dict[str, Any]:
    """What a webhook gets; docs/budgets.md tells it."""
    return {
        "id": alert.pk,
        "kind": alert.kind,
        "severity": alert.severity,
        "key": alert.key,
        "title": alert.title,
        "at": _moment(alert.at),
        "resolved_at": _moment(alert.resolved_at),
        "team": alert.team.name if alert.team else None,
        "organisation": alert.organisation.name,
        "body": alert.body,
    }


def text_of(alert: Alert) -> str:
    """The mail: what happened, then the facts, one to a line."""
    lines = [f"{HEADINGS.get(alert.severity, alert.severity)}: {alert.title}", ""]
    lines += [f"{name.replace('_', ' ')}: {value}" for name, value in alert.body.items()]
    whose = f"team {alert.team.name}" if alert.team else alert.organisation.name
    lines += ["", f"Raised {alert.at:%Y-%m-%d %H:%M} UTC for {whose}."]
    if alert.resolved_at:
        lines.append(f"Over since {alert.resolved_at:%Y-%m-%d %H:%M} UTC.")
    return "\n".join(lines)


def posted(message: Message) -> bytes:
    return orjson.dumps({"delivery": message.delivery, "alert": message.facts})


def headers(message: Message, body: bytes, now: datetime) -> dict[str, str]:
    return {
        "content-type": "application/json",
        "user-agent": "kora",
        "x-kora-delivery": str(message.delivery),
        "x-kora-signature": signature(message.secret, body, now),
    }


def signature(secret: str, body: bytes, now: datetime) -> str:
    """The moment is signed too, so that who receives it can refuse what is old."""
    moment = int(now.timestamp())
    said = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256)
    return f"t={moment},v1={said.hexdigest()}"


def _moment(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat(timespec="seconds") if at else None
