"""One receipt as a simulation reads it: what came, what was known and done, what it brought."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

Said = Mapping[str, Any]
COLUMNS = (
    "id", "at", "team_id", "team_name", "key_name", "end_user", "session", "tags", "model_asked",
    "streamed", "state", "status", "error_code", "tier", "backend", "reason", "policy", "cost",
    "total_ms", "receipt",
)  # fmt: skip
STORED = frozenset({"exact", "semantic", "pattern"})
RULED = "rule"


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    exchange_id: UUID
    at: datetime
    team_id: int
    team: str
    key: str
    user: str
    session: str
    tags: Mapping[str, str]
    model: str
    streamed: bool
    state: str
    error_code: str
    tier: str
    backend: str
    reason: str
    policy: int
    usd: float
    total_s: float
    receipt: Said
    candidates: Mapping[str, Said] = field(init=False)

    def __post_init__(self) -> None:
        listed = self.receipt.get("candidates") or ()
        found = {each["backend"]: each for each in listed if "backend" in each}
        object.__setattr__(self, "candidates", found)

    @property
    def asked(self) -> Said:
        return self.receipt.get("asked") or {}

    @property
    def moment(self) -> Mapping[str, Said]:
        return self.receipt.get("moment") or {}

    @property
    def signals(self) -> Said:
        return self.receipt.get("signals") or {}

    @property
    def held(self) -> tuple[str, ...]:
        """The rules that held when it came."""
        return tuple((self.receipt.get("rules") or {}).get("held") or ())

    @property
    def tried(self) -> str:
        """The backend that was asked first; the choice was for that one."""
        attempts = self.receipt.get("attempts") or ()
        return str(attempts[0].get("backend", "")) if attempts else ""

    @property
    def chances(self) -> Mapping[str, float]:
        """How likely each backend was to be asked first."""
        known = {n: float(c.get("propensity") or 0.0) for n, c in self.candidates.items()}
        return {name: chance for name, chance in known.items() if chance > 0}

    @property
    def was_decided(self) -> bool:
        """A backend was chosen and asked, and the receipt says how likely that was."""
        return bool(self.tried) and self.receipt.get("propensity") is not None

    @property
    def was_stored(self) -> bool:
        return self.tier in STORED and not self.tried

    @property
    def was_ruled(self) -> bool:
        """A rule refused or answered it."""
        return self.reason.startswith("rule:") and not self.tried

    @property
    def was_infeasible(self) -> bool:
        return self.error_code == "infeasible"

    @property
    def is_own(self) -> bool:
        """KORA asked for itself."""
        return bool(self.receipt.get("aside"))

    @property
    def is_readable(self) -> bool:
        """Receipts of before say too little."""
        return bool(self.asked) and bool(self.signals)


def of(row: tuple[Any, ...]) -> Record:
    said = dict(zip(COLUMNS, row, strict=True))
    receipt = said["receipt"]
    return Record(
        exchange_id=said["id"],
        at=said["at"],
        team_id=said["team_id"],
        team=said["team_name"],
        key=said["key_name"],
        user=said["end_user"],
        session=said["session"],
        tags=said["tags"] or {},
        model=said["model_asked"],
        streamed=said["streamed"],
        state=said["state"],
        error_code=said["error_code"],
        tier=said["tier"],
        backend=said["backend"],
        reason=said["reason"],
        policy=said["policy"],
        usd=float(said["cost"]),
        total_s=said["total_ms"] / 1000,
        receipt=receipt if isinstance(receipt, dict) else {},
    )
