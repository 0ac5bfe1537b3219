// What a screen reader is told: politely (a state, something saved), or at once (a caller, a lost call). Two regions, in the call bar.
import { create } from "zustand";

export const saidAloud = create<{ politely: string; atOnce: string }>(() => ({ politely: "", atOnce: "" }));

export function sayPolitely(text: string): void {
  saidAloud.setState({ politely: text });
}

export function sayAtOnce(text: string): void {
  saidAloud.setState({ atOnce: text });
}
