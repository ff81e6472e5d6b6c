"""An engineer promises something, sees it missed, and looks at the request that missed it."""

from __future__ import annotations

import json
import re
import urllib.request

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Opener
from tests.running import Kora

LOOKS = 30


def asked(kora: Kora) -> str:
    """The id of a request that was answered."""
    body = {
        "model": "auto:cheap",
        "messages": [{"role": "user", "content": "Say what is promised"}],
    }
    request = urllib.request.Request(
        f"{kora.url}/v1/chat/completions",
        data=json.dumps(body).encode(),
        headers={"authorization": f"Bearer {kora.api_key}", "content-type": "application/json",
                 "x-kora-cache": "no-cache"},
    )  # fmt: skip
    with urllib.request.urlopen(request, timeout=60) as answer:
        return str(answer.headers["x-kora-request-id"])


@pytest.mark.timeout(400)
def test_a_promise_from_the_form_to_the_request_that_broke_it(visit: Opener, kora: Kora) -> None:
    missed = asked(kora)
    page = visit().page
    page.get_by_role("navigation", name="Console").get_by_role("link", name="SLAs").click()
    page.get_by_role("link", name=re.compile("New SLA|Promise something")).first.click()
    page.get_by_label("Name").fill("no time at all")
    page.get_by_label("For which requests").fill("auto:cheap")
    page.get_by_label("Whole answer within (ms)").fill("")
    page.get_by_label("Whole answers, in percent").fill("")
    page.get_by_role("button", name="Keep").click()
    expect(page.get_by_role("alert")).to_contain_text("Promise something")
    page.get_by_label("Whole answer within (ms)").fill("1")
    page.get_by_role("button", name="Keep").click()
    expect(page.get_by_role("heading", name="no time at all", level=1)).to_be_visible()
    link = page.locator(f"a[href='/requests/{missed}/']")
    expect(link).to_be_visible()
    for _ in range(LOOKS):
        if page.get_by_text("is being counted").count() == 0:
            break
        page.wait_for_timeout(2000)
        page.reload()
    expect(page.get_by_role("row", name=re.compile("Whole answer"))).to_contain_text("0.0%")
    link.click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page).to_have_url(re.compile(missed))
