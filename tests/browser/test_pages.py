"""Every page fits a phone, is legible in light and dark, and is usable without seeing it."""

from __future__ import annotations

import gzip
import json
import urllib.request
from pathlib import Path

import pytest

from tests.browser.conftest import Opener
from tests.running import Kora

FAULTS = (Path(__file__).parent / "accessibility.js").read_text()
PAGES = (
    "/",
    "/?range=30d",
    "/requests/",
    "/requests/?tier=semantic&q=abc",
    "/answers/",
    "/answers/?like=hello&state=live",
    "/answers/quality/",
    "/answers/try/?question=Say+hello",
    "/answers/rehearsal/",
    "/answers/terms/",
    "/answers/sharing/",
    "/answers/invalidate/",
    "/answers/imports/",
    "/patterns/",
    "/routing/rules/",
    "/routing/rules/?everyone=true",
    "/routing/rules/new/",
    "/routing/settings/",
    "/routing/try/",
    "/routing/versions/",
    "/routing/simulate/",
    "/routing/intents/",
    "/routing/intents/new/",
    "/routing/experiments/",
    "/routing/experiments/new/",
    "/routing/learned/",
    "/slas/",
    "/slas/new/",
    "/budgets/",
    "/budgets/new/",
    "/alerts/",
    "/alerts/?kind=budget&open=true",
    "/alerts/channels/new/",
    "/backends/",
    "/backends/new/",
    "/backends/new/?provider=compatible",
    "/backends/new/?provider=local",
    "/backends/new/?provider=vllm",
    "/backends/1/",
    "/models/",
    "/keys/",
    "/keys/new/",
    "/team/",
    "/audit/",
    "/password/",
)
TOO_WIDE = """() => [...document.querySelectorAll('body *')]
    .filter(element => element.getBoundingClientRect().right > innerWidth + 1
        && !element.closest('.table-wrap, pre, .tabs'))
    .map(element => element.outerHTML.slice(0, 80))"""


@pytest.fixture(scope="module")
def answered(kora: Kora) -> str:
    """The id of one request that was answered."""
    body = {"model": "auto", "messages": [{"role": "user", "content": "Say hello"}]}
    asked = urllib.request.Request(
        f"{kora.url}/v1/chat/completions",
        data=json.dumps(body).encode(),
        headers={"authorization": f"Bearer {kora.api_key}", "content-type": "application/json"},
    )
    with urllib.request.urlopen(asked, timeout=60) as answer:
        return str(answer.headers["x-kora-request-id"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_every_page_fits_and_is_accessible(
    visit: Opener, answered: str, width: int, scheme: str
) -> None:
    visitor = visit(width=width, scheme=scheme)
    found = {}
    files = visitor.go("/models/").locator("table a[href^='/models/']").all()
    places = [str(link.get_attribute("href")) for link in files]
    kept = visitor.go("/answers/").locator("table a[href^='/answers/']").first
    places.append(str(kept.get_attribute("href")))
    for path in (*PAGES, f"/requests/{answered}/", *places):
        page = visitor.go(path)
        faults = page.evaluate(FAULTS)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            faults.append(f"wider than the window: {page.evaluate(TOO_WIDE)[:5]}")
        if faults:
            found[path] = faults
    assert found == {}


def test_plain_pages_are_accessible_too(visit: Opener) -> None:
    visitor = visit(width=390, log_in=False)
    assert visitor.go("/login/").evaluate(FAULTS) == []
    assert visitor.go("/nowhere/").evaluate(FAULTS) == []
    assert visitor.troubles.pop().endswith("404 (Not Found)")


def test_the_theme_is_chosen_and_remembered(visit: Opener) -> None:
    visitor = visit()
    page = visitor.page
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    before = page.evaluate(ground)
    toggle = page.get_by_role("button", name="Theme")
    toggle.click()
    toggle.click()
    dark = page.evaluate(ground)
    assert dark != before
    visitor.go("/requests/")
    assert page.evaluate(ground) == dark


def test_forms_work_without_javascript(visit: Opener) -> None:
    visitor = visit(scripts=False)
    page = visitor.go("/requests/")
    page.get_by_label("Model asked").fill("nothing-like-it")
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("heading", name="Nothing matches").wait_for()


def test_the_whole_is_small(kora: Kora) -> None:
    """As it travels: style below 20 KB and scripts below 60 KB compressed."""
    sizes = {}
    for name in ("kora/kora.css", "kora/kora.js", "django_htmx/htmx-2.min.js"):
        with urllib.request.urlopen(f"{kora.url}/static/{name}", timeout=10) as answer:
            sizes[name] = len(gzip.compress(answer.read()))
    assert sizes["kora/kora.css"] < 20_000
    assert sizes["kora/kora.js"] + sizes["django_htmx/htmx-2.min.js"] < 60_000
