import { describe, expect, it } from "vitest";
import { isOwnKey } from "./own_keys";

function pressed(html: string, code: string, held: KeyboardEventInit = {}): boolean {
  document.body.innerHTML = html;
  let own = false;
  document.body.firstElementChild!.addEventListener("keydown", (event) => (own = isOwnKey(event as KeyboardEvent)));
  document.body.firstElementChild!.dispatchEvent(new KeyboardEvent("keydown", { code, ...held }));
  return own;
}

describe("a key", () => {
  it.each([
    ["<button>x</button>", "Space", true],
    ["<button>x</button>", "KeyS", false],
    ["<button>x</button>", "ArrowLeft", false],
    ['<div role="slider"></div>', "ArrowLeft", true],
    ['<div role="tab"></div>', "ArrowRight", true],
    ["<p>x</p>", "Space", false],
  ])("on %s, %s: own %s", (html, code, own) => expect(pressed(html, code)).toBe(own));
  it("with Alt is nobody's own", () => expect(pressed('<div role="slider"></div>', "ArrowLeft", { altKey: true })).toBe(false));
});
