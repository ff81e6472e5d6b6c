"""Logging in, throttling, passwords, and what a session is worth."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.test import Client

from teams.models import AuditRow, Member
from tests.teams.conftest import PASSWORD

EMAIL = "ada@kora.test"


@pytest.fixture
def ada(db: None) -> Member:
    return Member.objects.create_superuser(EMAIL, PASSWORD)


def log_in(browser: Client, email: str = EMAIL, password: str = PASSWORD) -> int:
    return browser.post("/login/", {"username": email, "password": password}).status_code


def test_logs_in_by_email_however_it_is_written(ada: Member, browser: Client) -> None:
    assert browser.get("/keys/").headers["Location"] == "/login/?next=/keys/"
    assert log_in(browser, " Ada@KORA.test ") == 302
    assert browser.get("/keys/").status_code == 200
    assert browser.post("/logout/").status_code == 302
    assert browser.get("/keys/").status_code == 302


def test_a_session_ends_after_twelve_hours(ada: Member, browser: Client) -> None:
    log_in(browser)
    cookie = browser.cookies[settings.SESSION_COOKIE_NAME]
    assert cookie["max-age"] == 12 * 3600
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


def test_logging_in_leads_to_no_other_site(ada: Member, browser: Client) -> None:
    form = {"username": EMAIL, "password": PASSWORD, "next": "https://evil.example/"}
    assert browser.post("/login/", form).headers["Location"] == "/"


def test_too_many_wrong_passwords_close_the_door_to_the_right_one(
    ada: Member, browser: Client
) -> None:
    tries = [log_in(browser, password="wrong") for _ in range(settings.AXES_FAILURE_LIMIT)]
    assert tries[0] == 200
    assert tries[-1] == 429
    answer = browser.post("/login/", {"username": EMAIL.upper(), "password": PASSWORD})
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) == 600
    assert "Wait a little" in answer.content.decode()
    elsewhere = Client(REMOTE_ADDR="192.0.2.7")
    assert log_in(elsewhere) == 302


def test_a_new_password_ends_other_sessions(ada: Member, browser: Client) -> None:
    other = Client()
    log_in(browser)
    log_in(other)
    new = "another horse battery"
    form = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert browser.post("/password/", form).status_code == 302
    assert browser.get("/keys/").status_code == 200
    assert other.get("/keys/").status_code == 302
    row = AuditRow.objects.get()
    assert (row.action, row.before, row.after) == ("change password", {}, {})


@pytest.mark.parametrize("weak", ["short", "password12", EMAIL])
def test_refuses_a_weak_password(ada: Member, browser: Client, weak: str) -> None:
    log_in(browser)
    form = {"old_password": PASSWORD, "new_password1": weak, "new_password2": weak}
    assert browser.post("/password/", form).status_code == 200
    ada.refresh_from_db()
    assert ada.check_password(PASSWORD)


def test_forms_need_their_token(ada: Member) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ada)
    assert strict.post("/keys/new/", {"name": "k"}).status_code == 403
    assert strict.get("/logout/").status_code == 405
