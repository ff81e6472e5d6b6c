"""Who is calling, as a value that travels with the request."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
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
    max_parallel: int | None = None
    team_requests_per_minute: int | None = None
    team_tokens_per_minute: int | None = None
    team_max_parallel: int | None = None
    share: int = 1
    priority: str = "normal"
    """`high`, `normal` or `low`: the key's, or else its team's."""
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Actor:
    """Who changes or reads settings: a member or a management key, and what they are where.

    `roles` maps a team's id to the role there. One who `operates` may everything everywhere.
    """

    name: str
    address: str = ""
    operates: bool = False
    roles: Mapping[int, str] = field(default_factory=dict)
    is_authenticated: bool = True

    @property
    def team_ids(self) -> tuple[int, ...]:
        """Not to be asked of an operator, who sees every team; `sees` answers for both."""
        return tuple(self.roles)

    def sees(self, team_id: int | None) -> bool:
        return self.operates or team_id in self.roles

    def may(self, writers: Collection[str], team_id: int | None) -> bool:
        return self.operates or (team_id is not None and self.roles.get(team_id) in writers)

    def may_somewhere(self, writers: Collection[str]) -> bool:
        return self.operates or any(role in writers for role in self.roles.values())


def network(text: str) -> str:
    """An address or range as `Caller.may_come_from` reads it; ValueError says what is wrong."""
    return str(ipaddress.ip_network(text.strip(), strict=False))
