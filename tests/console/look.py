"""A picture of a page: `python -m tests.console.look ADDRESS COOKIE out.png [--language en] [--large]`.

Prints what the page said on its console, and what axe finds wrong. `--click TEXT` and `--press KEYS` may be repeated.
"""

import argparse
import sys
from pathlib import Path
from urllib.parse import urlsplit

from tests.console.browser import LARGE, SMALL, chromium, page_of, violations
from tests.integration.api.house import Person


def main() -> int:
    """The number of violations."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("cookie")
    parser.add_argument("picture", type=Path)
    parser.add_argument("--language", default="zh")
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--click", action="append", default=[], dest="clicks")
    parser.add_argument("--press", action="append", default=[], dest="presses")
    asked = parser.parse_args()
    parts = urlsplit(asked.address)
    person = Person(user_id="", login="", token=asked.cookie) if asked.cookie else None
    with chromium() as browser:
        page = page_of(
            browser,
            f"{parts.scheme}://{parts.netloc}",
            person,
            language=asked.language,
            size=LARGE if asked.large else SMALL,
        )
        page.on("console", lambda message: print("console:", message.text, file=sys.stderr))
        page.on("pageerror", lambda error: print("error:", error, file=sys.stderr))
        page.goto(parts.path + (f"?{parts.query}" if parts.query else ""))
        page.wait_for_load_state("networkidle")
        for what in asked.clicks:
            page.get_by_text(what).first.click()
            page.wait_for_load_state("networkidle")
        for what in asked.presses:
            page.keyboard.press(what)
            page.wait_for_load_state("networkidle")
        page.screenshot(path=str(asked.picture))
        found = violations(page)
        print("\n".join(found) or "axe: nothing")
        return len(found)


if __name__ == "__main__":
    sys.exit(main())
