"""Where e-mail goes out, as `KORA_SMTP_URL` and `KORA_MAIL_FROM` say it."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

PORTS = {"smtp": 25, "smtps": 465}
SUBMISSION = 587
WRONG = "KORA_SMTP_URL must be smtp[s]://user:password@host:port."  # never repeats the password


@dataclass(frozen=True, kw_only=True, slots=True)
class Post:
    """A mail server; without a host nothing goes out."""

    host: str = ""
    port: int = 25
    user: str = ""
    password: str = field(default="", repr=False)
    encrypted: bool = False
    sender: str = ""

    @property
    def starts_tls(self) -> bool:
        """A password never travels in the clear, and port 587 is for those who encrypt."""
        return not self.encrypted and bool(self.password or self.port == SUBMISSION)

    @property
    def backend(self) -> str:
        """By Django's name."""
        return f"django.core.mail.backends.{'smtp' if self.host else 'dummy'}.EmailBackend"


def read(url: str, sender: str) -> Post:
    if not url.strip():
        return Post()
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise SystemExit(WRONG) from None
    if parts.scheme not in PORTS or not parts.hostname:
        raise SystemExit(WRONG)
    user = unquote(parts.username or "")
    return Post(
        host=parts.hostname,
        port=port or PORTS[parts.scheme],
        user=user,
        password=unquote(parts.password or ""),
        encrypted=parts.scheme == "smtps",
        sender=sender.strip() or (user if "@" in user else "kora@localhost"),
    )
