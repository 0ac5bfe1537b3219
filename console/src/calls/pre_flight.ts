// Whether the desk can take calls, and the check before it does.
import { create } from "zustand";
import type { Desk } from "./desk";

export const preFlight = create<{ open: boolean }>(() => ({ open: false }));

export function openPreFlight(): void {
  preFlight.setState({ open: true });
}

/** The headset's line is up: nothing has to be checked before she becomes available. */
export function readyToTalk(desk: Desk): boolean {
  return desk.headset_state === "up" && desk.headset_lost_at === null;
}
