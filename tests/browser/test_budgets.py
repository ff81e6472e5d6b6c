"""Whoever keeps the money caps a team, raises the cap, and hears of it; and a viewer only looks."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

import pytest
from playwright.sync_api import expect

from tests.analytics.alerts.receiving import receiver
from tests.browser.conftest import Opener
from tests.browser.test_routing import eventually
from tests.running import Kora


def asked(kora: Kora, prompt: str) -> int:
    """The status of one request for a model that costs."""
    body = {"model": "sandbox-large", "messages": [{"role": "user", "content": prompt}]}
    request = urllib.request.Request(
        f"{kora.url}/v1/chat/completions",
        data=json.dumps(body).encode(),
        headers={
            "authorization": f"Bearer {kora.api_key}",
            "content-type": "application/json",
            "x-kora-cache": "no-store",
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def test_a_team_is_capped_refused_told_and_raised(visit: Opener, kora: Kora) -> None:
    with receiver() as there:
        visitor = visit()
        page = visitor.go("/alerts/")
        page.get_by_role("link", name="New channel").click()
        page.get_by_label("Name").fill("on call")
        page.get_by_label("Address").fill(there.url)
        page.get_by_role("button", name="Make it").click()
        page.get_by_role("button", name="Test on call").click()
        expect(page.locator("#rows")).to_contain_text("arrived", timeout=20_000)
        assert b"This is how alerts reach" in there.got[0][1]

        page.get_by_role("navigation", name="Console").get_by_role("link", name="Budgets").click()
        page.get_by_role("link", name="New budget").or_(
            page.get_by_role("link", name="Make the first one")
        ).first.click()
        page.get_by_label("Name").fill("Tiny")
        page.get_by_label("Caps").select_option(label="default")
        page.get_by_label("Dollars").fill("0.000001")
        page.get_by_label("At percent").first.fill("90")
        page.get_by_label("Then").first.select_option("alert")
        page.get_by_role("button", name="Make it").click()
        expect(page.get_by_text("“Tiny” is in force.")).to_be_visible()
        eventually(lambda: asked(kora, "What may I spend?") == 402)
        place = page.url
        visitor.go("/alerts/")
        told = page.get_by_role("link", name="The budget “Tiny” refuses requests")
        expect(told).to_be_visible(timeout=40_000)
        eventually(lambda: any(b"refuses requests" in body for _, body in there.got[1:]))

        page.goto(place)
        page.get_by_label("Dollars meanwhile").fill("5")
        page.get_by_label("Reason").fill("the launch")
        page.get_by_role("button", name="Raise it until then").click()
        expect(page.get_by_text("Another limit is in force until then.")).to_be_visible()
        eventually(lambda: asked(kora, "And now?") == 200)
        page.get_by_role("button", name="End it now").click()
        expect(page.get_by_text("The budget's own limit is in force.")).to_be_visible()
        page.once("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Remove", exact=True).click()
        expect(page.get_by_text("what was spent stays in the ledger")).to_be_visible()
        eventually(lambda: asked(kora, "And without it?") == 200)


@pytest.mark.parametrize("scripts", [True, False])
def test_soft_limits_are_rows_with_or_without_scripts(visit: Opener, scripts: bool) -> None:
    page = visit(scripts=scripts).go("/budgets/new/")
    name = f"Rows {scripts}"
    page.get_by_label("Name").fill(name)
    page.get_by_label("Caps").select_option(label="default")
    page.get_by_label("Dollars").fill("1000")
    for row, (percent, action) in enumerate([("90", "cache-only"), ("60", "prefer-local")]):
        page.get_by_label("At percent").nth(row).fill(percent)
        page.get_by_label("Then").nth(row).select_option(action)
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_label("At percent")).to_have_count(4)
    expect(page.get_by_label("At percent").nth(0)).to_have_value("60")
    expect(page.get_by_label("Then").nth(1)).to_have_value("cache-only")
