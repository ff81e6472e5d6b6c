"""A whole KORA in a folder of its own, started as a person would and given its backends."""

from __future__ import annotations

import contextlib
import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import processes

COMMON = {
    "model": "openai/mock",
    "secret": "sk-mock",
    "price_in": "0.15",
    "price_out": "0.60",
    "price_cached_in": "0.075",
    "context": 32_768,
    "capabilities": ["tools"],
    "max_parallel": 256,
    "enabled": True,
}
BACKENDS = (
    {**COMMON, "name": "mock", "kind": "openai-compatible", "model": "mock"},
    {**COMMON, "name": "mock-litellm", "kind": "cloud"},
)
Backend = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Kora:
    url: str
    key: str
    admin_key: str
    pid: int

    @property
    def chat(self) -> str:
        return f"{self.url}/v1/chat/completions"


def mocked(upstream: str) -> list[Backend]:
    """The backends `mock` and `mock-litellm`."""
    return [{**backend, "api_base": upstream} for backend in BACKENDS]


def home_in(folder: Path) -> Path:
    return folder / "home"


@contextlib.contextmanager
def serving(
    folder: Path,
    *,
    backends: Sequence[Backend],
    wait_s: float = 180,
    variables: Mapping[str, str] | None = None,
) -> Iterator[Kora]:
    """KORA with these backends, each of which has answered; ended when the block is left."""
    home, log, port = home_in(folder), folder / "kora.log", processes.free_port()
    environment = {
        "KORA_HOME": str(home),
        "KORA_PORT": str(port),
        "KORA_HOST": "127.0.0.1",
        "KORA_ALLOW_PRIVATE_UPSTREAMS": "1",
        "PYTHONUNBUFFERED": "1",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        **(variables or {}),
    }
    with log.open("ab") as output:
        process = processes.start([sys.executable, "manage.py", "up"], output, environment)
        try:
            _wait_until_ready(process, log, wait_s)
            yield _furnished(home, port=port, pid=process.pid, backends=backends)
        except Exception:
            print(processes.tail(log), file=sys.stderr)
            raise
        finally:
            processes.end(process)


def _wait_until_ready(process: Any, log: Path, wait_s: float) -> None:
    ends_s = time.monotonic() + wait_s
    while "KORA is ready at" not in log.read_text(errors="replace"):
        if process.poll() is not None or time.monotonic() > ends_s:
            raise SystemExit(f"KORA did not start:\n{processes.tail(log)}")
        time.sleep(0.2)


def _furnished(home: Path, *, port: int, pid: int, backends: Sequence[Backend]) -> Kora:
    made = json.loads((home / "first-run.json").read_text())
    kora = Kora(
        url=f"http://127.0.0.1:{port}", key=made["api_key"], admin_key=made["admin_key"], pid=pid
    )
    for backend in backends:
        status, told = post(f"{kora.url}/api/backends/", dict(backend), kora.admin_key)
        if status != 201:
            raise SystemExit(f"KORA refused backend {backend['name']}: {status} {told}")
    for backend in backends:
        wait_for_tier(kora, model=str(backend["name"]), prompt="Are you there?", tier="")
    return kora


def wait_for_tier(kora: Kora, *, model: str, prompt: str, tier: str, wait_s: float = 30) -> None:
    """Asks until `model` answers, and until it does so from `tier` where one is named."""
    ends_s = time.monotonic() + wait_s
    asked = {
        "model": model,
        "messages": [{"role": "user", "content": prompt}],
        "temperature": 0,
        "max_tokens": 64,
    }
    while True:
        status, told = post(kora.chat, asked, kora.key)
        if status == 200 and tier in {"", told["tier"]}:
            return
        if time.monotonic() > ends_s:
            raise SystemExit(f"KORA does not answer {model} from {tier or 'anywhere'}: {told}")
        time.sleep(0.2)


def post(url: str, content: dict[str, Any], key: str) -> tuple[int, dict[str, Any]]:
    """Status and answer, with `x-kora-tier` beside it as `tier`."""
    request = urllib.request.Request(
        url,
        json.dumps(content).encode(),
        {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            tier = answer.headers.get("x-kora-tier", "")
            return answer.status, {**json.load(answer), "tier": tier}
    except urllib.error.HTTPError as error:
        return error.code, {"error": error.read().decode(errors="replace")[:600], "tier": ""}
