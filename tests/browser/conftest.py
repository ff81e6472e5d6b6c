"""A real headless Chromium in front of a whole KORA; every page is watched for troubles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.running import Kora

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 30_000


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Runs for every item of the session, so it looks where each one stands."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.journey)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Ends with its module: Playwright's event loop must not outlive the tests that need it."""
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is missing: install Debian's package chromium")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield launched
        launched.close()


@dataclass(kw_only=True)
class Visit:
    """A page of its own session, and what its console said."""

    page: Page
    kora: Kora
    troubles: list[str] = field(default_factory=list)

    def watch(self) -> None:
        self.page.on("pageerror", lambda error: self.troubles.append(f"error: {error}"))
        self.page.on(
            "console",
            lambda said: (
                self.troubles.append(f"{said.type}: {said.text}")
                if said.type in {"error", "warning"}
                else None
            ),
        )

    def go(self, path: str) -> Page:
        self.page.goto(self.kora.url + path)
        return self.page

    def log_in(self) -> Page:
        self.go("/login/")
        self.page.get_by_label("Email").fill(self.kora.admin_email)
        self.page.get_by_label("Password").fill(self.kora.admin_password)
        self.page.get_by_role("button", name="Log in").click()
        self.page.get_by_role("heading", name="Overview", level=1).wait_for()
        return self.page


Opener = Callable[..., Visit]


@pytest.fixture
def visit(browser: Browser, kora: Kora) -> Iterator[Opener]:
    """Opens visits; afterwards no page may have had an error or broken the content policy."""
    opened: list[Visit] = []

    def open_one(
        *, width: int = 1280, scheme: str = "light", log_in: bool = True, scripts: bool = True
    ) -> Visit:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
            reduced_motion="reduce",
            java_script_enabled=scripts,
        )
        context.set_default_timeout(PATIENCE_MS)
        made = Visit(page=context.new_page(), kora=kora)
        made.watch()
        opened.append(made)
        if log_in:
            made.log_in()
        return made

    yield open_one
    for each in opened:
        each.page.context.close()
        assert each.troubles == []
