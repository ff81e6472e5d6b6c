"""A channel's signing secret at rest, sealed so that it opens for no other channel."""

from __future__ import annotations

from django.conf import settings

from analytics.alerts.errors import NotDeliveredError
from analytics.promise_models import Channel
from inference import secrets

UNREADABLE = "The secret cannot be read: enter it again."


def seal(channel: Channel, plain: str) -> str:
    """The channel has been saved by now: its id is what the secret is bound to."""
    return secrets.seal(plain, settings.SECRET_KEY, _place(channel))


def opened(channel: Channel) -> str:
    if not channel.secret_sealed:
        return ""
    try:
        return secrets.open_sealed(channel.secret_sealed, settings.SECRET_KEY, _place(channel))
    except secrets.SecretUnreadableError as error:
        raise NotDeliveredError(UNREADABLE) from error


def _place(channel: Channel) -> str:
    return f"analytics_channel:{channel.pk}"
