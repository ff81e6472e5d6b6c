"""The mail server as the environment names it; a password never travels in the clear."""

from __future__ import annotations

import pytest

from kora_site import mailing
from kora_site.mailing import Post


@pytest.mark.parametrize(
    ("url", "sender", "expected"),
    [
        ("", "a@b.test", Post()),
        ("smtp://relay", "", Post(host="relay", port=25, sender="kora@localhost")),
        (
            "smtps://me%40a.test:p%3Aw%2F@mail.test",
            "",
            Post(
                host="mail.test",
                port=465,
                user="me@a.test",
                password="p:w/",
                encrypted=True,
                sender="me@a.test",
            ),
        ),
        (
            "smtp://me:pw@mail.test:2525",
            "KORA <k@a.test>",
            Post(host="mail.test", port=2525, user="me", password="pw", sender="KORA <k@a.test>"),
        ),
    ],
)
def test_read(url: str, sender: str, expected: Post) -> None:
    assert mailing.read(url, sender) == expected


@pytest.mark.parametrize(
    ("url", "encrypted", "starts_tls"),
    [
        ("smtps://me:pw@mail.test", True, False),
        ("smtp://me:pw@mail.test:25", False, True),
        ("smtp://mail.test:587", False, True),
        ("smtp://relay:25", False, False),
    ],
)
def test_what_encrypts_when(url: str, encrypted: bool, starts_tls: bool) -> None:
    found = mailing.read(url, "")
    assert (found.encrypted, found.starts_tls) == (encrypted, starts_tls)


@pytest.mark.parametrize("url", ["http://x", "smtp://", "smtp://u:hidden@h:port", "mail.test:25"])
def test_what_is_no_mail_server_stops_the_start_without_repeating_the_password(url: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        mailing.read(url, "")
    assert "KORA_SMTP_URL" in str(stopped.value)
    assert "hidden" not in str(stopped.value)
