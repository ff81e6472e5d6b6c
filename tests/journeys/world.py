"""What the journeys share: two teams, backends of every temper, and clients that speak as keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
from openai import AsyncOpenAI, OpenAI

from tests.running import Kora, eventually

QUICK = {"first_token_ms": 0, "token_ms": 0}
BACKENDS: Mapping[str, dict[str, Any]] = {
    "j-fast": {"options": QUICK, "price_in": "100", "price_out": "200"},
    "j-dear": {"options": QUICK, "price_in": "900", "price_out": "900", "quality": 0.9},
    "j-slow": {"options": {"first_token_ms": 700}, "price_in": "100", "price_out": "200"},
    "j-steady": {"options": {"token_ms": 100}, "price_in": "100", "price_out": "200"},
    "j-broken": {"options": {"fail": "server_error"}, "price_in": "1", "price_out": "1"},
    "j-shut": {"options": {"fail": "unauthorized"}, "price_in": "2", "price_out": "2"},
    "j-garbled": {"options": {"fail": "malformed", "fail_after": 0}},
    "j-strict": {"options": {"fail": "policy"}, "price_in": "1", "price_out": "1"},
    "j-cut": {"options": {"fail": "cut", **QUICK}, "price_in": "1", "price_out": "1"},
    "j-mute": {"options": {"fail": "silence"}, "price_in": "1", "price_out": "1"},
}


def words() -> str:
    """A question that nobody has asked before."""
    return f"What is {uuid4().hex}?"


def asking(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]


@dataclass(kw_only=True)
class World:
    """A running KORA with what the journeys need in it."""

    kora: Kora
    admin: httpx.Client
    teams: dict[str, int] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    clients: list[OpenAI] = field(default_factory=list)

    def make(self, path: str, **fields: Any) -> dict[str, Any]:
        answer = self.admin.post(f"/api/{path}/", json=fields)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def key(self, team: str = "red", **terms: Any) -> str:
        fields = {"name": uuid4().hex, "team": f"j-{team}", "scopes": ["infer"], **terms}
        text: str = self.make("keys", **fields)["key"]
        return text

    def client(self, key: str | None = None) -> OpenAI:
        made = OpenAI(
            base_url=f"{self.kora.url}/v1", api_key=key or self.keys["red"], max_retries=0
        )
        self.clients.append(made)
        return made

    def async_client(self, key: str | None = None) -> AsyncOpenAI:
        return AsyncOpenAI(
            base_url=f"{self.kora.url}/v1", api_key=key or self.keys["red"], max_retries=0
        )

    def chat(self, text: str, *, key: str = "", **fields: Any) -> httpx.Response:
        """Without an SDK in between; `headers` go along."""
        headers = {"authorization": f"Bearer {key or self.keys['red']}"}
        headers |= fields.pop("headers", {})
        body = {"model": "j-fast", "messages": asking(text), **fields}
        return httpx.post(
            f"{self.kora.url}/v1/chat/completions", json=body, headers=headers, timeout=30
        )

    def get(self, path: str, key: str = "") -> httpx.Response:
        headers = {"authorization": f"Bearer {key or self.keys['red']}"}
        return httpx.get(f"{self.kora.url}{path}", headers=headers)

    def receipt(self, answer: httpx.Response, key: str = "") -> dict[str, Any]:
        found = self.get(f"/v1/requests/{answer.headers['x-kora-request-id']}", key)
        assert found.status_code == 200, found.text
        receipt: dict[str, Any] = found.json()
        return receipt

    def furnish(self) -> None:
        for team in ("red", "blue"):
            self.teams[team] = self.make("teams", name=f"j-{team}")["id"]
            self.keys[team] = self.key(team)
        for name, fields in BACKENDS.items():
            plain = {"kind": "sandbox", "model": name, "capabilities": ["tools", "json_schema"]}
            self.make("backends", name=name, **{**plain, **fields})
        self.wait_for("j-mute")

    def wait_for(self, model: str) -> None:
        """Configuration reaches the web process within its next look."""
        eventually(
            lambda: self.get(f"/v1/models/{model}").status_code == 200,
            within_s=10,
            what=f"the model {model}",
        )
