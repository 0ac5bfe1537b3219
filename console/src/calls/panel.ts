// Which panel of the call bar is open: one at a time, above the bar; it closes with its call.
import { create } from "zustand";

export type Panel = "keypad" | "transfer" | "red_flag" | "captions" | "recording";

export const panel = create<{ open: Panel | null }>(() => ({ open: null }));

export function toggle(which: Panel): void {
  panel.setState(({ open }) => ({ open: open === which ? null : which }));
}

export function closePanel(): void {
  panel.setState({ open: null });
}
