"""Model servers of others: what they say of themselves reaches the router, the page, the probe."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.test import Client

from routing import catalog, connections, tasks
from routing.models import Backend, Health, HealthState
from teams.models import Member

pytestmark = pytest.mark.django_db(transaction=True)


class Peer:
    """A vLLM that says what a test wants."""

    def __init__(self) -> None:
        self.health = 200
        self.running, self.waiting = 0, 0
        self.asked: list[str] = []
        self.url = ""

    def answer(self, path: str) -> tuple[int, bytes]:
        self.asked.append(path)
        if path == "/health":
            return self.health, b""
        told = {"running": self.running, "waiting": self.waiting}
        lines = [f'vllm:num_requests_{name}{{model_name="m"}} {n}.0' for name, n in told.items()]
        return (200, "\n".join(lines).encode()) if path == "/metrics" else (404, b"")


@pytest.fixture
def peer(settings: Any) -> Iterator[Peer]:
    settings.KORA_ALLOW_PRIVATE_UPSTREAMS = ("127.0.0.1",)
    found = Peer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = found.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_port}/v1"
    yield found
    server.shutdown()
    server.server_close()
    thread.join()
    connections.drop()


def backend(peer: Peer, **columns: Any) -> Backend:
    usual = {"name": "b", "kind": "openai-compatible", "model": "m", "api_base": peer.url}
    return Backend.objects.create(**{**usual, "options": {"server": "vllm"}, **columns})


def card() -> Any:
    return catalog._with_vitals(catalog.refresh().backends[0])


def test_a_full_server_is_passed_over_until_it_has_room(peer: Peer) -> None:
    backend(peer, max_parallel=4)
    peer.running, peer.waiting = 4, 2
    tasks.look_at_servers()
    assert card().in_flight == 6

    peer.running, peer.waiting = 1, 0
    tasks.look_at_servers()
    assert card().in_flight == 1


def test_an_old_word_counts_no_more(peer: Peer) -> None:
    row = backend(peer)
    peer.running = 9
    tasks.look_at_servers()
    Health.objects.filter(backend=row).update(load_read_at=datetime.now(UTC) - timedelta(minutes=2))
    assert card().in_flight == 0


def test_a_server_that_is_unwell_comes_last_and_recovers(peer: Peer) -> None:
    row = backend(peer)
    peer.health = 503
    tasks.look_at_servers()
    found = Health.objects.get(backend=row)
    assert found.state == HealthState.FAILING
    assert "unwell" in found.message
    assert card().failing

    peer.health = 200
    tasks.look_at_servers()
    assert not card().failing


def test_what_a_test_call_found_is_not_taken_back(peer: Peer) -> None:
    row = backend(peer)
    Health.objects.create(backend=row, state=HealthState.FAILING, message="key_permanent: no")
    tasks.look_at_servers()
    found = Health.objects.get(backend=row)
    assert (found.state, found.message) == (HealthState.FAILING, "key_permanent: no")


def test_only_servers_that_are_named_and_on_are_looked_at(peer: Peer) -> None:
    backend(peer, name="plain", options={})
    backend(peer, name="off", enabled=False)
    tasks.look_at_servers()
    assert peer.asked == []


def test_an_address_inside_is_not_looked_at_unless_it_is_allowed(peer: Peer, settings: Any) -> None:
    backend(peer)
    settings.KORA_ALLOW_PRIVATE_UPSTREAMS = ()
    tasks.look_at_servers()
    assert peer.asked == []


def test_beat_asks_for_tasks_that_there_are() -> None:
    known = {each.name for each in vars(tasks).values() if hasattr(each, "apply_async")}
    assert tasks.look_at_servers.name in known
    assert {each["task"] for each in tasks.BEAT.values()} <= known


def test_the_console_offers_the_servers_and_shows_their_load(peer: Peer) -> None:
    client = Client()
    with contextlib.suppress(Member.DoesNotExist):
        Member.objects.get(email="o@example.com").delete()
    client.force_login(
        Member.objects.create_superuser("o@example.com"),
        backend="django.contrib.auth.backends.ModelBackend",
    )
    html = client.get("/backends/new/?provider=vllm").content.decode()
    assert '<option value="vllm" selected>' in html
    form = {
        "name": "mine",
        "kind": "openai-compatible",
        "model": "m",
        "api_base": peer.url,
        "server": "vllm",
        "context": "4096",
        "max_output": "512",
        "quality": "0.5",
        "enabled": "on",
    }
    client.post("/backends/new/?provider=vllm", form)
    made = Backend.objects.get()
    assert made.options == {"server": "vllm"}

    peer.running, peer.waiting = 3, 1
    Health.objects.create(backend=made, state=HealthState.HEALTHY, checked_at=datetime.now(UTC))
    tasks.look_at_servers()
    html = client.get(f"/backends/{made.pk}/").content.decode()
    assert "its server runs 3, 1 waiting" in html

    client.post(f"/backends/{made.pk}/", {**form, "server": "", "probes": "0.05"})
    made.refresh_from_db()
    assert made.options == {"probe_usd_a_day": 0.05}
    assert 'value="0.05"' in client.get(f"/backends/{made.pk}/").content.decode()
    client.post(f"/backends/{made.pk}/", form)
    made.refresh_from_db()
    assert made.options == {"server": "vllm"}
