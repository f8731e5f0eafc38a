"""Fixtures of tests in a real browser: the system's Chromium, and what axe finds in a page."""

import importlib.resources
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from absence import absent


@pytest.fixture(scope="module")
def chromium() -> Iterator[Callable[..., Any]]:
    """A function that starts the system's Chromium, with more arguments if need be.

    Of a module, not of the session: while its driver lives, no other event loop runs here.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        absent("playwright")
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next((found for name in names if (found := shutil.which(name))), None)
    if path is None:
        absent("chromium")
    with sync_playwright() as driver:
        started = []

        def start(*arguments: str) -> Any:
            args = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required", *arguments]
            started.append(driver.chromium.launch(executable_path=path, args=args))
            return started[-1]

        yield start
        for each in started:
            each.close()


@pytest.fixture(scope="module")
def browser(chromium: Callable[..., Any]) -> Any:
    """One browser for most tests."""
    return chromium()


@pytest.fixture(scope="session")
def grave() -> Callable[..., list[tuple[str, list[str]]]]:
    """A function from a page to what axe finds serious or critical in it: rule and elements.

    It takes the names of rules too, if not all of them are asked for.
    """
    try:
        script = importlib.resources.files("axe_playwright_python") / "axe.min.js"
    except ImportError:
        absent("axe-playwright-python")
    source = script.read_text(encoding="utf-8")

    def check(page: Any, *rules: str) -> list[tuple[str, list[str]]]:
        page.evaluate(source)
        # axe would fetch style sheets, which no page from disk may; preload: false leaves that out
        options = {"preload": False} | ({"runOnly": list(rules)} if rules else {})
        found = page.evaluate("options => axe.run(options).then(r => r.violations)", options)
        return [
            (each["id"], [node["html"][:150] for node in each["nodes"]][:3])
            for each in found
            if each["impact"] in ("serious", "critical")
        ]

    return check
