"""The keys of a backend's provider as operators keep them; workers use them (`keyrings`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from inference import secrets
from routing import targets
from routing.keyrings import OWN
from routing.models import Backend, BackendKey

IN_USE, OFF, REFUSED = "in use", "off", "refused"


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """One key without its secret."""

    id: int
    label: str
    enabled: bool = True
    refused_at: datetime | None = None
    refusal: str = ""

    @property
    def state(self) -> str:
        if self.refused_at is not None:
            return REFUSED
        return IN_USE if self.enabled else OFF

    def facts(self) -> dict[str, Any]:
        """For the audit log."""
        at = self.refused_at.isoformat() if self.refused_at else ""
        return {"key": self.label or self.id, "enabled": self.enabled, "refused_at": at}


def shown(backend: Backend) -> list[Shown]:
    """The backend's own first, if it has one."""
    rows = list(backend.keys.all())
    more = [_shown(row) for row in rows if row.secret_sealed]
    return [_own(rows), *more] if backend.secret_sealed else more


def find(backend: Backend, key_id: int) -> Shown | None:
    return next((each for each in shown(backend) if each.id == key_id), None)


def add(backend: Backend, asked: Mapping[str, Any]) -> Shown:
    row = BackendKey.objects.create(
        backend=backend,
        label=asked.get("label", ""),
        enabled=asked.get("enabled", True),
        secret_sealed=_sealed(backend, asked["secret"]),
    )
    _changed(backend)
    return _shown(row)


def mend(backend: Backend, known: Shown, asked: Mapping[str, Any]) -> Shown:
    """Another secret is another key: what was said of the old one is forgotten."""
    changes = {name: asked[name] for name in ("label", "enabled") if name in asked}
    if "secret" in asked or asked.get("forgive"):
        changes |= {"refused_at": None, "refusal": ""}
    if known.id == OWN:
        _mend_own(backend, asked)
    else:
        if "secret" in asked:
            changes["secret_sealed"] = _sealed(backend, asked["secret"])
        backend.keys.filter(pk=known.id).update(**changes)
    _changed(backend)
    found = find(backend, known.id)
    assert found is not None
    return found


def _mend_own(backend: Backend, asked: Mapping[str, Any]) -> None:
    if "secret" in asked:
        backend.secret_sealed = _sealed(backend, asked["secret"])
        backend.save(update_fields=["secret_sealed"])
    if "secret" in asked or asked.get("forgive"):
        forgive_own(backend)


def forgive_own(backend: Backend) -> None:
    """What is known of a backend's own key is a row without a secret."""
    backend.keys.filter(secret_sealed="").delete()


def remove(backend: Backend, known: Shown) -> None:
    if known.id == OWN:
        backend.secret_sealed = ""
        backend.save(update_fields=["secret_sealed"])
        forgive_own(backend)
    else:
        backend.keys.filter(pk=known.id).delete()
    _changed(backend)


def _changed(backend: Backend) -> None:
    """Workers read it anew, and its breaker begins anew."""
    backend.save(update_fields=["updated_at"])


def _sealed(backend: Backend, secret: str) -> str:
    return secrets.seal(secret, settings.SECRET_KEY, targets.aad(backend.name))


def _shown(row: BackendKey) -> Shown:
    return Shown(
        id=row.pk,
        label=row.label or f"key {row.pk}",
        enabled=row.enabled,
        refused_at=row.refused_at,
        refusal=row.refusal,
    )


def _own(rows: list[BackendKey]) -> Shown:
    said = next((row for row in rows if not row.secret_sealed and row.refused_at), None)
    if said is None:
        return Shown(id=OWN, label="own")
    return Shown(id=OWN, label="own", refused_at=said.refused_at, refusal=said.refusal)
