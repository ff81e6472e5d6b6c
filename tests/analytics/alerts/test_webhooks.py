"""A webhook's call is bounded, goes where it was looked at, and nowhere else."""

from __future__ import annotations

import socket
import threading
from urllib.parse import urlsplit

import pytest

from analytics.alerts import webhooks
from analytics.alerts.errors import NotDeliveredError
from tests.analytics.alerts.receiving import receiver

PUBLIC = "93.184.215.14"
HOME = ("127.0.0.1",)


@pytest.mark.parametrize(
    ("url", "resolved", "allowed", "fine"),
    [
        ("https://hooks.example.com/a?b=c", [PUBLIC], (), True),
        ("http://hooks.example.com:8080", [PUBLIC], (), True),
        ("ftp://hooks.example.com", [PUBLIC], (), False),
        ("gopher://hooks.example.com", [PUBLIC], (), False),
        ("hooks.example.com", [PUBLIC], (), False),
        ("https://", [], (), False),
        ("https://me:pw@hooks.example.com", [PUBLIC], (), False),
        ("https://hooks.example.com/#x", [PUBLIC], (), False),
        ("https://hooks.example.com:0", [PUBLIC], (), False),
        ("https://hooks.example.com:99999", [PUBLIC], (), False),
        ("https://hooks.example.com\\@x", [PUBLIC], (), False),
        ("https://hooks .example.com", [PUBLIC], (), False),
        ("https://hooks.example.com/a\r\nx: y", [PUBLIC], (), False),
        ("https://%68ooks.example.com/", [PUBLIC], (), False),
        ("https://hooks.example.com/a%20b", [PUBLIC], (), True),
        ("http://cloud.example", ["192.0.0.192"], (), False),
        ("http://six-to-four.example", ["2002:7f00:1::"], (), False),
        ("http://translated.example", ["64:ff9b:1::7f00:1"], (), False),
        ("http://old.example", ["::7f00:1"], (), False),
        ("http://site.example", ["fec0::1"], (), False),
        ("http://sixty-four.example", ["64:ff9b::5db8:d70e"], (), True),
        ("http://rebound.example", [PUBLIC, "10.0.0.7"], (), False),
        ("http://meta.example", ["169.254.169.254"], (), False),
        ("http://mapped.example", ["::ffff:127.0.0.1"], (), False),
        ("http://six.example", ["::1"], (), False),
        ("http://link.example", ["fe80::1%eth0"], (), False),
        ("http://home.example", ["10.0.0.7"], ("home.example",), True),
        ("http://home.example", ["10.0.0.7"], ("*",), True),
        ("http://other.example", ["10.0.0.7"], ("home.example",), False),
    ],
)
def test_refusal(url: str, resolved: list[str], allowed: tuple[str, ...], fine: bool) -> None:
    said = webhooks.refusal(url, allowed=allowed, resolve=lambda _: resolved)
    assert (said == "") is fine, said


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "[::1]", "localhost"])
def test_an_address_in_disguise_is_still_inside(host: str) -> None:
    with pytest.raises(NotDeliveredError, match="inside this network"):
        webhooks.post(f"http://{host}/", b"{}", {})


def test_a_name_that_changes_its_meaning_after_the_look_is_not_called() -> None:
    with receiver() as there:
        port = urlsplit(there.url).port
        meanings = [[PUBLIC], ["127.0.0.1"]]
        with pytest.raises(NotDeliveredError, match="No connection"):
            webhooks.post(
                f"http://turncoat.example:{port}/", b"{}", {}, resolve=lambda _: meanings.pop(0)
            )
    assert there.got == []


def test_a_name_leads_to_the_address_that_was_looked_at() -> None:
    with receiver() as there:
        url = there.url.replace("127.0.0.1", "home.example")
        webhooks.post(
            url, b"{}", {"x": "y"}, allowed=("home.example",), resolve=lambda _: ["127.0.0.1"]
        )
    assert there.header("host") == [f"home.example:{urlsplit(url).port}"]


def test_a_redirect_is_not_followed() -> None:
    with receiver() as there, receiver() as elsewhere:
        there.status, there.location = 307, elsewhere.url
        with pytest.raises(NotDeliveredError, match="not followed"):
            webhooks.post(there.url, b"{}", {}, allowed=HOME)
    assert (len(there.got), elsewhere.got) == (1, [])


@pytest.mark.parametrize("status", [400, 404, 410, 429, 500, 503])
def test_what_is_not_taken_did_not_arrive(status: int) -> None:
    with receiver() as there:
        there.status = status
        with pytest.raises(NotDeliveredError, match=str(status)):
            webhooks.post(there.url, b"{}", {}, allowed=HOME)


def test_nobody_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        with pytest.raises(NotDeliveredError, match="No connection"):
            webhooks.post(url, b"{}", {}, allowed=HOME)


def test_one_who_drips_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte now and then would keep a limit for each read from ever passing."""
    monkeypatch.setattr(webhooks, "LIMIT_S", 0.4)
    stop = threading.Event()

    def drip(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 200 ")
            while not stop.wait(0.05):
                try:
                    connection.sendall(b"O")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip, args=[server])
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        try:
            with pytest.raises(NotDeliveredError, match="no answer within"):
                webhooks.post(url, b"{}", {}, allowed=HOME)
        finally:
            stop.set()
            thread.join()
