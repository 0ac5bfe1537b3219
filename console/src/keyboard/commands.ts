// Every command that has keys: where it holds and its keys unless the user chose others. Keys are places on the board
// (event.code), so that they hold with every layout and while Chinese is typed.
import { create } from "zustand";

export type Place = "everywhere" | "work" | "player" | "list";

export const COMMANDS = {
  answer_or_dial: { place: "everywhere", keys: "alt+a" },
  hang_up: { place: "everywhere", keys: "alt+h" },
  mute: { place: "everywhere", keys: "alt+m" },
  hold: { place: "everywhere", keys: "alt+p" },
  keypad: { place: "everywhere", keys: "alt+d" },
  transfer: { place: "everywhere", keys: "alt+t" },
  ask_for_help: { place: "everywhere", keys: "alt+g" },
  agent_state: { place: "everywhere", keys: "alt+s" },
  shortcuts: { place: "everywhere", keys: "alt+slash" },
  next_task: { place: "work", keys: "alt+n" },
  focus_queue: { place: "work", keys: "alt+q" },
  focus_record: { place: "work", keys: "alt+r" },
  focus_form: { place: "work", keys: "alt+f" },
  focus_notes: { place: "work", keys: "alt+o" },
  submit_and_next: { place: "work", keys: "ctrl+enter" },
  extend_wrap_up: { place: "work", keys: "alt+e" },
  undo: { place: "work", keys: "z" },
  relative_on_the_line: { place: "work", keys: "alt+j" },
  new_request: { place: "work", keys: "alt+c" },
  red_flag: { place: "work", keys: "alt+w" },
  add_task: { place: "work", keys: "alt+k" },
  tray: { place: "work", keys: "alt+y" },
  skip_task: { place: "work", keys: "alt+l" },
  wrong_person: { place: "work", keys: "alt+x" },
  break_glass: { place: "work", keys: "alt+b" },
  focus_outcome: { place: "work", keys: "alt+u" },
  play: { place: "player", keys: "space" },
  back: { place: "player", keys: "left" },
  forward: { place: "player", keys: "right" },
  previous_turn: { place: "player", keys: "shift+left" },
  next_turn: { place: "player", keys: "shift+right" },
  slower: { place: "player", keys: "bracketleft" },
  faster: { place: "player", keys: "bracketright" },
  skip_silence: { place: "player", keys: "s" },
  search: { place: "player", keys: "slash" },
  next_hit: { place: "player", keys: "n" },
  previous_hit: { place: "player", keys: "m" },
  comment: { place: "player", keys: "c" },
} as const satisfies Record<string, { place: Place; keys: string }>;

export type Command = keyof typeof COMMANDS;

interface Bindings {
  chosen: Partial<Record<Command, string>>;
  choose: (chosen: Partial<Record<Command, string>>) => void;
}

/** What this user has changed; loaded from and kept by the server. */
export const bindings = create<Bindings>((set) => ({
  chosen: {},
  choose: (chosen) => set({ chosen }),
}));

export function keysOf(command: Command, chosen: Partial<Record<Command, string>>): string {
  return chosen[command] ?? COMMANDS[command].keys;
}

/** As a key is printed and as aria-keyshortcuts wants it: alt+slash is Alt+/. */
export function shownKeys(keys: string): string {
  const names: Record<string, string> = { slash: "/", bracketleft: "[", bracketright: "]", left: "←", right: "→", space: "Space", enter: "Enter" };
  return keys
    .split("+")
    .map((key) => names[key] ?? (key.length === 1 ? key.toUpperCase() : key[0]!.toUpperCase() + key.slice(1)))
    .join("+");
}
