"""Chromium with a page of the console in it: what it shows, what its keys do, and whether axe finds anything."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from api.auth import COOKIE
from runtime.settings import REPOSITORY
from tests.integration.api.house import Person

CHROMIUM = Path("/usr/bin/chromium")
AXE = REPOSITORY / "console" / "node_modules" / "axe-core" / "axe.min.js"
SMALL: ViewportSize = {"width": 1366, "height": 768}
LARGE: ViewportSize = {"width": 1920, "height": 1080}
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@contextmanager
def chromium(*arguments: str) -> Iterator[Browser]:
    """A headless browser; its microphone is a fake one."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM),
            args=[
                "--no-sandbox",
                "--use-fake-device-for-media-stream",
                "--use-fake-ui-for-media-stream",
                "--autoplay-policy=no-user-gesture-required",
                *arguments,
            ],
        )
        try:
            yield browser
        finally:
            browser.close()


def page_of(
    browser: Browser, address: str, person: Person | None, *, language: str = "zh", size: ViewportSize | None = None
) -> Page:
    """A new page on which this person is logged in."""
    context = browser.new_context(
        base_url=address,
        viewport=size or SMALL,
        locale="zh-CN" if language == "zh" else "en-GB",
        permissions=["microphone"],
        timezone_id="Asia/Shanghai",
        reduced_motion="reduce",
    )
    remember = f"localStorage.setItem('suifang.language', '{language}')"
    context.add_init_script(f"localStorage.getItem('suifang.language') || {remember}")
    if person is not None:
        context.add_cookies([{"name": COOKIE, "value": person.token, "url": address}])
    return context.new_page()


def violations(page: Page, *, without: Sequence[str] = ()) -> list[str]:
    """What axe finds wrong on the page as it stands, one line each: rule, element, what to do."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = page.evaluate(
        "standards => axe.run(document, {runOnly: standards}).then(found => found.violations)", STANDARDS
    )
    return [
        f"{each['id']}: {node['target']}: {node['failureSummary']}"
        for each in found
        if each["id"] not in without
        for node in each["nodes"]
    ]


def admin_room(page: Page, part: str) -> None:
    """Open a part of administration, and wait for all that it shows."""
    page.goto(f"/admin/{part}")
    expect(page.locator(".admin-room h1")).to_be_visible()
    page.wait_for_load_state("networkidle")
    expect(page.locator(".admin-room .ant-skeleton")).to_have_count(0)


def pictures_folder() -> Path | None:
    """Where tests leave pictures of what they saw, if somebody wants them (SUIFANG_PICTURES)."""
    wanted = os.environ.get("SUIFANG_PICTURES")
    return Path(wanted) if wanted else None
