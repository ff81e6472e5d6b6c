"""An alert reaches each of its channels once, is tried again for a day, then given up and shown."""

from __future__ import annotations

import hashlib
import hmac
import json
import smtplib
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from django.core import mail
from django.db import connection
from pytest_django import Settings

from analytics import alerts, budgets, reports, tasks
from analytics.alerts import delivering, raising, secrets
from analytics.alerts.errors import NotDeliveredError
from analytics.models import Alert, BudgetWindow, Channel, Delivery
from teams.models import Organisation, Team
from tests.analytics.alerts.receiving import Receiver, receiver
from tests.analytics.books import Book

SECRET = "a secret of the channel"
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _allowed(settings: Settings) -> None:
    settings.KORA_ALLOW_PRIVATE_WEBHOOKS = ("127.0.0.1",)
    settings.KORA_MAIL_FROM = "kora@a.test"


@pytest.fixture
def team(db: None) -> Team:
    return Book.open().team


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


def webhook(team: Team, url: str, **more: Any) -> Channel:
    given = {"organisation": team.organisation, "team": team, "name": "hook", "kind": "webhook"}
    made: Channel = Channel.objects.create(**{**given, "address": url, **more})
    made.secret_sealed = secrets.seal(made, SECRET)
    made.save()
    return made


def letterbox(of: Team, **more: Any) -> Channel:
    given = {"organisation": of.organisation, "team": of, "name": "mail", "kind": "email"}
    made: Channel = Channel.objects.create(**{**given, "address": "ops@a.test", **more})
    return made


def raised(team: Team, key: str = "k", **more: Any) -> bool:
    said: dict[str, Any] = {
        "organisation_id": team.organisation_id,
        "team_id": team.pk,
        "kind": "budget",
        "key": key,
        "severity": "warning",
        "title": "80 % is used",
        "body": {"spent_usd": "8"},
    }
    return alerts.raise_alert(**{**said, **more})


def states() -> list[tuple[str, str]]:
    return list(Delivery.objects.order_by("id").values_list("state", "trouble"))


def test_a_webhook_gets_one_signed_call(team: Team, there: Receiver) -> None:
    webhook(team, there.url)
    assert raised(team)
    assert not raised(team)
    assert [delivering.deliver(), delivering.deliver()] == [1, 0]
    ((headers, body),) = there.got
    moment, signed = (part.split("=")[1] for part in headers["x-kora-signature"].split(","))
    expected = hmac.new(SECRET.encode(), moment.encode() + b"." + body, hashlib.sha256)
    assert signed == expected.hexdigest()
    assert abs(int(moment) - datetime.now(UTC).timestamp()) < 60
    told = json.loads(body)
    assert str(told["delivery"]) == headers["x-kora-delivery"]
    assert told["alert"]["title"] == "80 % is used"
    assert told["alert"]["body"] == {"spent_usd": "8"}
    assert SECRET not in body.decode()
    assert states() == [("sent", "")]


def test_a_mail_says_what_happened(team: Team) -> None:
    letterbox(team)
    raised(team, title="80 % of “a\nBcc: b@c.test” is used")
    delivering.deliver()
    (letter,) = mail.outbox
    assert letter.subject == "[KORA] 80 % of “a Bcc: b@c.test” is used"
    assert (letter.to, letter.from_email) == (["ops@a.test"], "kora@a.test")
    assert "spent usd: 8" in letter.body
    assert states() == [("sent", "")]


def test_what_fails_is_tried_again_with_the_same_id_until_it_arrives(
    team: Team, there: Receiver
) -> None:
    webhook(team, there.url)
    raised(team)
    there.status = 503
    now = datetime.now(UTC)
    delivering.deliver(now)
    assert delivering.deliver(now) == 0
    assert states() == [("waiting", "The receiver said no (503).")]
    there.status = 200
    delivering.deliver(now + HOUR)
    assert states() == [("sent", "")]
    assert len(there.got) == 2
    assert len(set(there.header("x-kora-delivery"))) == 1


def test_after_a_day_it_is_given_up_and_the_trouble_is_shown(team: Team, there: Receiver) -> None:
    webhook(team, there.url)
    raised(team)
    there.status = 500
    start = datetime.now(UTC)
    for hour in range(26):
        delivering.deliver(start + hour * HOUR)
    assert states() == [("given-up", "The receiver said no (500).")]
    assert 20 < len(there.got) <= 26


def test_a_claim_that_nobody_kept_is_taken_over(team: Team, there: Receiver) -> None:
    webhook(team, there.url)
    raised(team)
    now = datetime.now(UTC)
    assert len(delivering.claim(now)) == 1  # and then this worker dies
    assert delivering.deliver(now) == 0
    assert delivering.deliver(now + delivering.CLAIM) == 1
    assert states() == [("sent", "")]


def test_one_who_was_slow_does_not_undo_what_arrived(team: Team, there: Receiver) -> None:
    webhook(team, there.url)
    raised(team)
    now = datetime.now(UTC)
    (slow,) = delivering.claim(now)
    delivering.deliver(now + delivering.CLAIM)
    delivering.note(delivering.Sent(delivery=slow, trouble="late"), now)
    assert states() == [("sent", "")]


def test_a_slow_receiver_keeps_no_other_waiting(team: Team, there: Receiver) -> None:
    webhook(team, "http://127.0.0.1:1/")
    webhook(team, there.url)
    letterbox(team)
    raised(team)
    delivering.deliver()
    assert sorted(state for state, _ in states()) == ["sent", "sent", "waiting"]


@pytest.mark.parametrize(
    ("breaks", "trouble"),
    [
        ({"secret_sealed": "k1.gone.x"}, "enter it again"),
        ({"address": "http://10.0.0.1/"}, "inside this network"),
        ({"enabled": False}, "switched off"),
    ],
)
def test_a_channel_that_cannot_be_used_says_why(
    team: Team, breaks: dict[str, Any], trouble: str
) -> None:
    made = webhook(team, "https://hooks.example.com/")
    raised(team)
    Channel.objects.filter(pk=made.pk).update(**breaks)
    delivering.deliver()
    assert trouble in states()[0][1]


def test_a_secret_opens_for_its_own_channel_only(team: Team) -> None:
    one, other = (webhook(team, "https://hooks.example.com/") for _ in range(2))
    other.secret_sealed = one.secret_sealed
    assert secrets.opened(one) == SECRET
    with pytest.raises(NotDeliveredError):
        secrets.opened(other)


def test_who_is_told(team: Team) -> None:
    theirs = Team.objects.create(organisation=team.organisation, name="theirs")
    far = Organisation.objects.create(name="far")
    ours = letterbox(team, name="ours")
    every = letterbox(team, name="every", team=None)
    letterbox(theirs, name="theirs")
    letterbox(team, name="far", team=None, organisation=far)
    letterbox(team, name="off", enabled=False)
    letterbox(team, name="slas", kinds=["sla"])
    raised(team)
    assert {each.channel for each in Delivery.objects.all()} == {ours, every}
    raised(team, key="nobody's", team_id=None)
    told = Delivery.objects.filter(alert__key="nobody's")
    assert {each.channel for each in told} == {every}


def test_an_alert_is_resolved_once_and_open_again_without_a_second_telling(team: Team) -> None:
    letterbox(team)
    raised(team)
    assert [alerts.resolve("k"), alerts.resolve("k")] == [True, False]
    assert not raised(team, title="again")
    alert = Alert.objects.get()
    assert (alert.resolved_at, alert.title) == (None, "again")
    assert Delivery.objects.count() == 1


def test_a_test_is_tried_once_and_reaches_a_channel_that_is_off(
    team: Team, there: Receiver
) -> None:
    channel = webhook(team, there.url, enabled=False)
    letterbox(team)
    there.status = 418
    first = raising.try_out(channel, "me@a.test")
    assert raising.try_out(channel, "me@a.test") == first
    delivering.deliver()
    assert states() == [("given-up", "The receiver said no (418).")]
    assert mail.outbox == []


def test_the_background_tasks_take_a_threshold_to_its_channel(team: Team, there: Receiver) -> None:
    webhook(team, there.url)
    budget = Book(team=team).budget(10)
    found = budgets.span(reports.terms_of(budget), datetime.now(UTC))
    BudgetWindow.objects.create(
        budget=budget, starts_at=found.starts_at, ends_at=found.ends_at, settled=9
    )
    for _ in range(2):
        tasks.watch_budgets()
        tasks.deliver_alerts()
    told = [json.loads(body)["alert"]["body"]["percent"] for _, body in there.got]
    assert sorted(told) == ["50", "80"]
    assert {"analytics.tasks.watch_budgets", "analytics.tasks.deliver_alerts"} <= {
        each["task"] for each in tasks.BEAT.values()
    }


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_send_each_alert_once(transactional_db: None, there: Receiver) -> None:
    team = Book.open().team
    webhook(team, there.url)
    for number in range(20):
        raised(team, key=str(number))
    together = threading.Barrier(3)
    wrong: list[BaseException] = []

    def work() -> None:
        together.wait()
        try:
            while delivering.deliver():
                pass
        except BaseException as error:
            wrong.append(error)
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert wrong == []
    delivered = there.header("x-kora-delivery")
    assert (len(delivered), len(set(delivered))) == (20, 20)
    assert {state for state, _ in states()} == {"sent"}


def test_a_mail_server_that_knows_no_such_letterbox_is_quoted(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server answered, so nobody should look for a fault in the network."""
    refused = smtplib.SMTPRecipientsRefused({"ops@a.test": (550, b"no such user")})
    monkeypatch.setattr(mail.EmailMessage, "send", Mock(side_effect=refused))
    letterbox(team)
    raised(team)
    delivering.deliver()
    assert states() == [("waiting", "The mail server did not take it (550).")]
