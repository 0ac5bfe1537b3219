import { expect, test } from "vitest";
import { COMMANDS, type Command } from "./commands";
import { keysPressed, refusalOf } from "./pressed_keys";

const pressed = (code: string, held: Partial<Record<"altKey" | "ctrlKey" | "shiftKey" | "metaKey", boolean>> = {}) =>
  keysPressed({ code, altKey: false, ctrlKey: false, shiftKey: false, metaKey: false, ...held });

test("keys are written as commands are, whatever they print", () => {
  expect(pressed("KeyM", { altKey: true })).toBe("alt+m");
  expect(pressed("Enter", { ctrlKey: true })).toBe("ctrl+enter");
  expect(pressed("Slash", { altKey: true })).toBe("alt+slash");
  expect(pressed("ArrowLeft")).toBe("left");
  expect(pressed("AltLeft", { altKey: true })).toBeNull();
});

test("no two commands that hold at one time come with the same keys", () => {
  for (const command of Object.keys(COMMANDS) as Command[]) {
    const refusal = refusalOf(command, COMMANDS[command].keys, {});
    expect(refusal?.why === "taken" ? `${command} and ${refusal.by}` : undefined).toBeUndefined();
  }
});

test("keys in use, of the browser or of answers are refused", () => {
  expect(refusalOf("mute", "alt+h", {})).toEqual({ why: "taken", by: "hang_up" });
  expect(refusalOf("mute", "alt+h", { hang_up: "alt+x" })).toBeUndefined();
  expect(refusalOf("mute", "ctrl+w", {})).toEqual({ why: "reserved" });
  expect(refusalOf("comment", "3", {})).toEqual({ why: "digit" });
  expect(refusalOf("comment", "z", {})).toBeUndefined();
  expect(refusalOf("comment", "s", {})).toEqual({ why: "taken", by: "skip_silence" });
});
