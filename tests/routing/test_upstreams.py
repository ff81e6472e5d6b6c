"""Which addresses a backend may have."""

from __future__ import annotations

import pytest

from routing import upstreams

PUBLIC = "93.184.215.14"


@pytest.mark.parametrize(
    ("url", "resolved", "allowed", "fine"),
    [
        ("https://api.example.com/v1", [PUBLIC], (), True),
        ("http://api.example.com:8080", [PUBLIC], (), True),
        ("https://nobody-knows.example", [], (), True),
        ("ftp://api.example.com", [PUBLIC], (), False),
        ("file:///etc/passwd", [], (), False),
        ("api.example.com/v1", [PUBLIC], (), False),
        ("https://", [], (), False),
        ("https://me:secret@api.example.com", [PUBLIC], (), False),
        ("https://api.example.com/v1?key=1", [PUBLIC], (), False),
        ("https://api.example.com:99999", [PUBLIC], (), False),
        ("http://localhost:11434/v1", ["127.0.0.1"], (), False),
        ("http://localhost:11434/v1", ["127.0.0.1"], ("localhost",), True),
        ("http://localhost:11434/v1", ["127.0.0.1"], ("*",), True),
        ("http://LOCALHOST.:11434/v1", ["127.0.0.1"], ("localhost",), True),
        ("http://metadata.internal", ["169.254.169.254"], ("localhost",), False),
        ("http://both.example", [PUBLIC, "10.0.0.7"], (), False),
        ("http://mapped.example", ["::ffff:127.0.0.1"], (), False),
        ("http://nat64.example", ["64:ff9b::7f00:1"], (), False),
        ("http://six.example", ["::1"], (), False),
        ("http://link.example", ["fe80::1%eth0"], (), False),
        ("http://unspecified.example", ["0.0.0.0"], (), False),
        ("http://shared.example", ["100.100.100.200"], (), False),
        ("http://many.example", ["224.0.0.1"], (), False),
    ],
)
def test_refuses_what_is_not_a_public_http_address(
    url: str, resolved: list[str], allowed: tuple[str, ...], fine: bool
) -> None:
    said = upstreams.refusal(url, allowed=allowed, resolve=lambda _: resolved)
    assert (said == "") is fine, said


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "[::1]"])
def test_an_address_in_disguise_is_still_inside(host: str) -> None:
    assert "inside this network" in upstreams.refusal(f"http://{host}/v1")
