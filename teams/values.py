"""Who is calling, as a value that travels with the request."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """What an API key says of its holder."""

    key_id: int
    key_public: str
    key_name: str
    team_id: int
    team: str
    organisation_id: int
    scopes: frozenset[str]
    models: frozenset[str] = frozenset()
    ip_ranges: tuple[str, ...] = ()
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    expires_at: datetime | None = None

    def may_use(self, model: str) -> bool:
        return not self.models or model in self.models

    def may_come_from(self, address: str) -> bool:
        if not self.ip_ranges:
            return True
        try:
            came = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(came in ipaddress.ip_network(allowed) for allowed in self.ip_ranges)
