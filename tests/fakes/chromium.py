"""A real Chromium without a window, for tests of pages: Debian's chromium and chromium-driver."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions"),
    *("--force-device-scale-factor=1", "--window-size=1100,850", "--no-proxy-server"),
)


def programs_or_skip() -> tuple[str, str]:
    """The browser and its driver; skips where they are not installed, which is a failure in CI (CI=true)."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if browser is None or driver is None:
        missing = (
            "chromium or chromedriver is missing: apt-get install --no-install-recommends chromium chromium-driver"
        )
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return browser, driver


@contextmanager
def chromium(folder: Path) -> Iterator[Chrome]:
    """A browser with a profile of its own that notes what it asks for; downloads go into `folder / "downloads"`."""
    browser, driver = programs_or_skip()
    options = ChromeOptions()
    options.binary_location = browser
    for flag in (*FLAGS, f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    options.add_experimental_option("prefs", {"download.default_directory": str(folder / "downloads")})
    running = Chrome(options=options, service=Service(driver))
    try:
        yield running
    finally:
        running.quit()


def requests_of(browser: Chrome) -> list[str]:
    """The addresses that pages have asked for since this was called last."""
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]  # type: ignore[no-untyped-call]
    return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]


def command(browser: Chrome, name: str, **parameters: Any) -> dict[str, Any]:  # what the browser takes
    """A command of the browser's own protocol."""
    answer: dict[str, Any] = browser.execute_cdp_cmd(name, parameters)
    return answer
