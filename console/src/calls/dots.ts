// What the dots of line and microphone show.
import type { HeadsetState } from "@/headset/headset";
import type { Desk } from "./desk";

export type Dot = "good" | "warning" | "bad" | "off";

type LineWords = "up" | "ringing" | "down" | "lost" | "connecting";

/** The desk's line: the server's word, except for a browser that knows its own link is gone. */
export function lineDot(headset: HeadsetState, desk: Desk | undefined): { dot: Dot; words: LineWords } {
  if (desk?.headset_lost_at || headset === "lost") return { dot: "bad", words: "lost" };
  if (headset === "asking" || headset === "connecting") return { dot: "warning", words: "connecting" };
  switch (desk?.headset_state) {
    case "up":
      return { dot: "good", words: "up" };
    case "ringing":
      return { dot: "warning", words: "ringing" };
    default:
      return { dot: "off", words: "down" };
  }
}

/** The microphone of this browser; null where it has none to show. */
export function microphoneDot(headset: HeadsetState, muted: boolean): { dot: Dot; words: "on" | "muted" | "refused" } | null {
  if (headset === "refused") return { dot: "bad", words: "refused" };
  if (headset === "off" || headset === "asking") return null;
  return muted ? { dot: "warning", words: "muted" } : { dot: "good", words: "on" };
}
