"""Taking alerts to their channels: claimed by one worker, sent, noted, tried again for a day."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from concurrent import futures
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from django.conf import settings
from django.core import mail
from django.db import transaction
from django.db.models import F

from analytics.alerts import backoff, messages, secrets, webhooks
from analytics.alerts.errors import NotDeliveredError
from analytics.alerts.messages import Message
from analytics.alerts.raising import TEST
from analytics.promise_models import ChannelKind, Delivery

log = structlog.get_logger(__name__)

AT_ONCE = 8
CLAIM = timedelta(minutes=3)
"""Longer than sending can take: whoever has claimed it is dead then, and it is sent again."""
SWITCHED_OFF = "The channel is switched off."
_chance = random.SystemRandom()


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """How one try went; without trouble it arrived."""

    delivery: Delivery
    trouble: str = ""
    hopeless: bool = False


def deliver(now: datetime | None = None) -> int:
    """Sends what is due, and says how many it tried; any number of workers may do so at once."""
    due = claim(now or datetime.now(UTC))
    for sent in _send_all(due):
        note(sent, now or datetime.now(UTC))
    return len(due)


def claim(now: datetime) -> list[Delivery]:
    """Nobody else takes these until the claim ends."""
    waiting = Delivery.objects.filter(state="waiting", next_at__lte=now).order_by("next_at")
    with transaction.atomic():
        due = list(waiting.select_for_update(skip_locked=True)[:AT_ONCE])
        ids = [delivery.pk for delivery in due]
        Delivery.objects.filter(pk__in=ids).update(tries=F("tries") + 1, next_at=now + CLAIM)
    mine = Delivery.objects.filter(pk__in=ids)
    return list(mine.select_related("channel", "alert__team", "alert__organisation"))


def note(sent: Sent, now: datetime) -> None:
    """What has arrived meanwhile by another's hand stays so."""
    delivery = sent.delivery
    still = Delivery.objects.filter(pk=delivery.pk, state="waiting")
    if not sent.trouble:
        still.update(state="sent", sent_at=now, trouble="")
        return
    again = backoff.next_try(delivery.tries, delivery.alert.at, now, _chance)
    if again is None or sent.hopeless or delivery.alert.kind == TEST:
        still.update(state="given-up", trouble=sent.trouble)
    else:
        still.filter(tries=delivery.tries).update(next_at=again, trouble=sent.trouble)


def _send_all(due: Sequence[Delivery]) -> Iterator[Sent]:
    """Each in a thread without the database, so that a slow receiver delays no other."""
    with futures.ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        running = {}
        for delivery in due:
            try:
                running[pool.submit(_send, _message(delivery))] = delivery
            except NotDeliveredError as error:
                yield Sent(delivery=delivery, trouble=str(error), hopeless=True)
        for ended in futures.as_completed(running):
            yield _outcome(running[ended], ended.exception())


def _outcome(delivery: Delivery, error: BaseException | None) -> Sent:
    """What nobody expected must not keep the others from being noted, and so sent twice."""
    if error is None or isinstance(error, NotDeliveredError):
        return Sent(delivery=delivery, trouble=str(error or ""))
    log.error("alert could not be sent", delivery=delivery.pk, exc_info=error)
    return Sent(delivery=delivery, trouble=f"KORA failed: {type(error).__name__}.")


def _message(delivery: Delivery) -> Message:
    channel, alert = delivery.channel, delivery.alert
    if not channel.enabled and alert.kind != TEST:
        raise NotDeliveredError(SWITCHED_OFF)
    return Message(
        delivery=delivery.pk,
        kind=channel.kind,
        address=channel.address,
        secret=secrets.opened(channel),
        title=" ".join(alert.title.split()),
        text=messages.text_of(alert),
        facts=messages.facts_of(alert),
    )


def _send(message: Message) -> None:
    if message.kind == ChannelKind.EMAIL:
        return _mail(message)
    body = messages.posted(message)
    webhooks.post(
        message.address,
        body,
        messages.headers(message, body, datetime.now(UTC)),
        allowed=settings.KORA_ALLOW_PRIVATE_WEBHOOKS,
    )
    return None


def _mail(message: Message) -> None:
    if not settings.KORA_MAIL_FROM:
        raise NotDeliveredError("No mail server is set (KORA_SMTP_URL).")
    letter = mail.EmailMessage(
        subject=f"[KORA] {message.title}"[:200],
        body=message.text,
        from_email=settings.KORA_MAIL_FROM,
        to=[message.address],
        headers={"x-kora-delivery": str(message.delivery)},
    )
    try:
        letter.send()
    except (OSError, ValueError) as error:  # what smtplib, sockets and odd addresses raise
        raise NotDeliveredError(_said(error)) from error


def _said(error: Exception) -> str:
    """The server's code and no more: its text may repeat the password."""
    codes = [code for code, _ in getattr(error, "recipients", {}).values()]
    code = getattr(error, "smtp_code", "") or next(iter(codes), "")
    return f"The mail server did not take it ({code})." if code else "No mail server answered."
