// Keys as they are pressed, in the writing of commands.ts; and whether a command may have them.
import { COMMANDS, keysOf, type Command } from "./commands";

const MODIFIERS = /^(Alt|Control|Shift|Meta|OS)(Left|Right)?$/;
const NAMED: Record<string, string> = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down", Slash: "slash", BracketLeft: "bracketleft", BracketRight: "bracketright" };
/** What the browser, the window system or the page itself needs. */
const NEVER = new Set(["escape", "tab", "shift+tab", "enter", "f5", "f11", "f12", "alt+f4", "ctrl+w", "ctrl+t", "ctrl+n", "ctrl+r", "ctrl+c", "ctrl+v", "ctrl+x", "ctrl+a", "ctrl+z", "ctrl+f", "ctrl+p", "ctrl+s"]);

type Pressed = Pick<KeyboardEvent, "code" | "altKey" | "ctrlKey" | "shiftKey" | "metaKey">;

/** alt+m, ctrl+enter, left; null while only modifiers are held. */
export function keysPressed(event: Pressed): string | null {
  if (!event.code || MODIFIERS.test(event.code)) return null;
  const key = NAMED[event.code] ?? event.code.replace(/^(Key|Digit)/, "").toLowerCase();
  const held = [event.ctrlKey && "ctrl", event.altKey && "alt", event.shiftKey && "shift", event.metaKey && "meta"].filter(Boolean);
  return [...held, key].join("+");
}

function sorted(keys: string): string {
  return keys.split("+").sort().join("+");
}

export type Refusal = { why: "reserved" | "digit" } | { why: "taken"; by: Command };

/** Why a command cannot have these keys; undefined: it can. Commands clash where they can hold at one time. */
export function refusalOf(command: Command, keys: string, chosen: Partial<Record<Command, string>>): Refusal | undefined {
  if (NEVER.has(keys)) return { why: "reserved" };
  if (/^[0-9]$/.test(keys)) return { why: "digit" };
  const place = COMMANDS[command].place;
  const by = (Object.keys(COMMANDS) as Command[]).find((other) => {
    const theirs = COMMANDS[other].place;
    const together = place === "everywhere" || theirs === "everywhere" || place === theirs;
    return other !== command && together && sorted(keysOf(other, chosen)) === sorted(keys);
  });
  return by && { why: "taken", by };
}
