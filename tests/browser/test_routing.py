"""An engineer writes a rule, tries it, publishes it, sees what it does, and takes it back."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import Opener
from tests.running import Kora

SECONDS = 10.0


def asked(kora: Kora, prompt: str) -> int:
    """The status of one request."""
    body = {"model": "auto", "messages": [{"role": "user", "content": prompt}]}
    request = urllib.request.Request(
        f"{kora.url}/v1/chat/completions",
        data=json.dumps(body).encode(),
        headers={"authorization": f"Bearer {kora.api_key}", "content-type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def eventually(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.1)


def write_rule(page: Page, name: str, words: str) -> None:
    """By the builder alone: the question contains these words, so it is refused."""
    page.get_by_role("link", name="New rule").or_(
        page.get_by_role("link", name="Write the first rule")
    ).first.click()
    page.get_by_label("Name").fill(name)
    when = page.locator("[data-builder=when]")
    when.get_by_role("button", name="+ Condition").click()
    when.get_by_label("Signal").select_option("question")
    when.get_by_label("Operator").select_option("contains")
    when.get_by_label("Value").fill(words)
    page.get_by_label("Add what follows").select_option("deny")
    page.get_by_role("textbox", name="Refuse with this message").fill("Not here.")
    page.get_by_role("button", name="Keep in the draft").click()
    expect(page.get_by_text(f"{name} is kept in the draft")).to_be_visible()


def test_a_rule_from_the_builder_to_a_refused_request_and_back(visit: Opener, kora: Kora) -> None:
    page = visit().page
    page.get_by_role("navigation", name="Console").get_by_role("link", name="Routing").click()
    write_rule(page, "no-unicorns", "unicorn")

    page.get_by_label("What the user says").fill("Draw me a unicorn")
    page.get_by_role("button", name="Try", exact=True).click()
    drafted = page.get_by_role("region", name="With the draft")
    expect(drafted).to_contain_text("refused")
    expect(drafted).to_contain_text("no-unicorns")
    expect(page.get_by_role("region", name="In force")).not_to_contain_text("no-unicorns")
    assert asked(kora, "Draw me a unicorn") == 200

    page.get_by_role("link", name="Rules").click()
    page.get_by_role("link", name="Look and publish").click()
    expect(page.get_by_text("refuse: “Not here.”")).to_be_visible()
    page.get_by_label("Note").fill("No unicorns")
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("is in force. Requests go by it")).to_be_visible()
    eventually(lambda: asked(kora, "Draw me a unicorn") == 403)

    page.get_by_role("navigation", name="Routing").get_by_role("link", name="Rules").click()
    page.get_by_role("link", name="no-unicorns").click()
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Remove", exact=True).click()
    page.get_by_role("link", name="Look and publish").click()
    page.get_by_role("button", name="Publish").click()
    eventually(lambda: asked(kora, "Draw me a unicorn") == 200)
    page.get_by_role("button", name="Bring version").first.click()
    expect(page.get_by_text("is in force again")).to_be_visible()
    eventually(lambda: asked(kora, "Draw me a unicorn") == 403)


def test_rules_are_ordered_by_keyboard_and_the_focus_stays(visit: Opener) -> None:
    visitor = visit()
    page = visitor.go("/routing/rules/")
    for name in ("first-of-two", "second-of-two"):
        write_rule(page, name, name)
        visitor.go("/routing/rules/")
    before = page.locator(".rule-name").all_inner_texts()
    grip = page.get_by_role("button", name=f"Move {before[-1]}, now")
    grip.focus()
    page.keyboard.press("ArrowUp")
    moved = [*before[:-2], before[-1], before[-2]]
    expect(page.locator(".rule-name")).to_have_text(moved)
    expect(grip).to_be_focused()
    expect(page.locator("#said")).to_contain_text(f"is number {len(before) - 1} now")
    page.reload()
    expect(page.locator(".rule-name")).to_have_text(moved)


def test_rules_are_dragged_by_their_grips(visit: Opener) -> None:
    visitor = visit()
    page = visitor.go("/routing/rules/")
    for name in ("dragged", "dragged-over", "not-dragged"):
        write_rule(page, name, name)
        visitor.go("/routing/rules/")
    lines = page.locator(".rule-line")
    names = page.locator(".rule-name").all_inner_texts()
    lines.nth(0).locator("[data-grip]").drag_to(lines.nth(2))
    expect(page.locator("#said")).to_contain_text("The new order is kept.")
    page.reload()
    assert page.locator(".rule-name").all_inner_texts()[0] == names[1]


def test_the_json_and_the_rows_say_the_same(visit: Opener) -> None:
    page = visit().go("/routing/rules/new/")
    when = page.locator("[data-builder=when]")
    when.get_by_text("As JSON").click()
    said = {"any": [{"signal": "code", "is": True}, {"not": {"signal": "turns", "more_than": 3}}]}
    area = when.get_by_role("textbox", name="When")
    area.fill(json.dumps(said))
    expect(when.get_by_label("Signal")).to_have_count(2)
    when.get_by_label("Value").nth(1).fill("7")
    assert json.loads(area.input_value())["any"][1] == {"not": {"signal": "turns", "more_than": 7}}
    area.fill('{"all": "nonsense"}')
    expect(when).to_contain_text("cannot be drawn here")


def test_a_mistake_is_marked_in_the_row_where_it_is(visit: Opener) -> None:
    page = visit().go("/routing/rules/new/")
    page.get_by_label("Name").fill("mistaken")
    when = page.locator("[data-builder=when]")
    when.get_by_role("button", name="+ Condition").click()
    when.get_by_label("Value").fill("")
    page.get_by_label("Add what follows").select_option("deny")
    page.get_by_role("textbox", name="Refuse with this message").fill("No.")
    page.get_by_role("button", name="Keep in the draft").click()
    expect(page.locator(".leaf.wrong-part")).to_contain_text("a number is needed here")


def test_an_experiment_is_built_from_arms(visit: Opener) -> None:
    page = visit().go("/routing/experiments/new/")
    page.get_by_label("Name", exact=True).fill("by-hand")
    page.get_by_label("Name of the arm").nth(1).fill("dearer")
    page.get_by_label("Ask this model instead", exact=True).select_option("auto:best")
    page.get_by_role("button", name="Keep").click()
    expect(page.get_by_role("row", name="dearer")).to_contain_text("ask auto:best")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("by-hand takes requests within a second")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("everybody is answered as today again")).to_be_visible()
