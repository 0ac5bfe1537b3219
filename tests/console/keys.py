"""A person at the keyboard of a page: no mouse, and every press is counted."""

from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect

MOST_TABS = 80


@dataclass
class Keyboard:
    """Hands that only type."""

    page: Page
    pressed: int = 0

    def press(self, keys: str) -> None:
        """One stroke, with whatever is held down."""
        self.page.keyboard.press(keys)
        self.pressed += 1

    def write(self, words: str) -> None:
        """A stroke for each letter."""
        self.page.keyboard.type(words)
        self.pressed += len(words)

    def go_to(self, wanted: Locator) -> None:
        """Press Tab until this has the focus."""
        expect(wanted).to_be_visible(timeout=20_000)
        for _ in range(MOST_TABS):
            if wanted.evaluate("element => element === document.activeElement"):
                return
            self.press("Tab")
        raise AssertionError(f"{MOST_TABS} times Tab do not lead to {wanted}")

    def choose(self, wanted: Locator) -> None:
        """Go there by Tab, when it can be pressed, and press Enter."""
        expect(wanted).to_be_enabled(timeout=20_000)
        self.go_to(wanted)
        self.press("Enter")


def answer_everything(keys: Keyboard) -> int:
    """Answer each question that gets the focus, until the focus leaves the form; how many there were."""
    page = keys.page
    asked = 0
    while (question := page.evaluate("document.activeElement.dataset.question")) and asked < 40:
        asked += 1
        kind = page.evaluate("document.activeElement.getAttribute('role') || document.activeElement.type")
        if kind == "radiogroup":
            keys.press("1")
        else:
            keys.write("2026-11-20" if kind == "date" else "36" if question == "temperature" else "2")
            keys.press("Enter")
        page.wait_for_function("was => document.activeElement.dataset.question !== was", arg=question)
    return asked
