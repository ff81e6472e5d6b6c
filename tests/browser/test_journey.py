"""A newcomer's first ten minutes, and the same by keyboard alone."""

from __future__ import annotations

import json
import re
import urllib.request

from playwright.sync_api import Page, expect

from tests.browser.conftest import Opener
from tests.running import Kora


def ask(kora: Kora, key: str) -> None:
    body = {"model": "auto", "messages": [{"role": "user", "content": "What is a kora?"}]}
    asked = urllib.request.Request(
        f"{kora.url}/v1/chat/completions",
        data=json.dumps(body).encode(),
        headers={"authorization": f"Bearer {key}", "content-type": "application/json"},
    )
    with urllib.request.urlopen(asked, timeout=60) as answer:
        assert answer.status == 200


def make_key(page: Page, name: str) -> str:
    page.get_by_role("navigation", name="Console").get_by_role("link", name="Keys").click()
    page.get_by_role("link", name="New key").first.click()
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Create key").click()
    return page.locator(".secret code").inner_text()


def test_from_log_in_to_a_receipt_and_a_backend(visit: Opener, kora: Kora) -> None:
    page = visit().page
    rooms = page.get_by_role("navigation", name="Console")
    expect(rooms.get_by_role("link", name="Overview")).to_have_attribute("aria-current", "page")

    key = make_key(page, "journey")
    assert re.fullmatch(r"kora_\w+_[\w-]+", key)
    page.get_by_role("link", name="I have stored it").click()
    assert key not in page.content()

    ask(kora, key)
    rooms.get_by_role("link", name="Requests").click()
    page.get_by_label("Key", exact=True).select_option("journey")
    page.wait_for_url("**key=journey*")
    page.locator("#rows tbody a").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Request")
    expect(page.get_by_role("heading", name="Timeline")).to_be_visible()
    expect(page.locator(".waterfall tbody tr").first).to_be_visible()
    expect(page.locator("#as-curl")).to_contain_text("/v1/chat/completions")

    rooms.get_by_role("link", name="Models").click()
    page.get_by_role("link", name="Add a model").click()
    page.get_by_role("link", name="Sandbox").click()
    page.get_by_label("Name", exact=True).fill("journey-sandbox")
    page.get_by_role("button", name="Add Sandbox").click()
    expect(page.get_by_role("heading", name="journey-sandbox")).to_be_visible()
    expect(page.get_by_text("sandbox: not a real model")).to_be_visible()
    page.get_by_role("button", name="Test").click()
    expect(page.locator(".health")).to_contain_text("Healthy", timeout=30_000)

    page.locator("summary", has_text="Administrator").click()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()


def test_keyboard_alone_is_enough(visit: Opener, kora: Kora) -> None:
    visitor = visit(log_in=False)
    page = visitor.go("/login/")
    page.keyboard.type(kora.admin_email)
    page.keyboard.press("Tab")
    page.keyboard.type(kora.admin_password)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Overview", level=1).wait_for()

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"

    page.keyboard.press("?")
    page.get_by_role("heading", name="Keyboard shortcuts").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("r")
    page.wait_for_url("**/requests/")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.name") == "q"
    page.keyboard.press("Escape")
    page.evaluate("document.activeElement.blur()")

    page.keyboard.press("g")
    page.keyboard.press("k")
    page.wait_for_url("**/keys/")
    tab_to(page, "New key")
    page.keyboard.press("Enter")
    page.wait_for_url("**/keys/new/**")
    tab_to_field(page, "name")
    page.keyboard.type("by keyboard")
    page.keyboard.press("Enter")
    assert page.locator(".secret code").inner_text().startswith("kora_")


def test_the_phone_menu_opens_and_closes(visit: Opener) -> None:
    page = visit(width=390).page
    rooms = page.get_by_role("navigation", name="Console")
    expect(rooms).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    rooms.get_by_role("link", name="Requests").click()
    expect(page.get_by_role("heading", name="Requests", level=1)).to_be_visible()
    expect(rooms).to_be_hidden()


def test_live_tail_shows_a_request_without_a_reload(visit: Opener, kora: Kora) -> None:
    visitor = visit()
    page = visitor.go("/requests/?live=1")
    page.evaluate("window.sameDocument = true")
    before = page.locator("tr[data-row]").count()
    ask(kora, kora.api_key)
    page.wait_for_function(
        "before => document.querySelectorAll('tr[data-row]').length > before", arg=before
    )
    assert page.evaluate("window.sameDocument")


def tab_to(page: Page, words: str) -> None:
    _tab_until(page, "document.activeElement.textContent.trim()", words)


def tab_to_field(page: Page, name: str) -> None:
    _tab_until(page, "document.activeElement.name ?? ''", name)


def _tab_until(page: Page, what: str, wanted: str) -> None:
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate(what) == wanted:
            return
    raise AssertionError(f"{wanted} is not reached by Tab")
