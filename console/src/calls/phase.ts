// Where the agent's work on one patient is, from what the server says of attempt and call.
import type { Shape } from "@/api/client";

export type Phase =
  | "none"
  | "preview" // she sees the patient and has not dialed
  | "dialing"
  | "ringing"
  | "talking"
  | "held"
  | "consulted" // another agent asks her; the patient is not hers (yet)
  | "ending" // the line is gone, the server has not said what follows
  | "wrap_up";

type Own = Pick<Shape["OwnCallAnswer"], "attempt" | "call">;

/** Where it is. */
export function phaseOf(own: Own | undefined): Phase {
  if (!own?.attempt) return own?.call ? "consulted" : "none";
  if (own.attempt.state === "wrap_up") return "wrap_up";
  if (own.attempt.preview_until) return "preview";
  switch (own.call?.state) {
    case undefined:
    case "planned":
    case "dialing":
      return "dialing";
    case "ringing":
      return "ringing";
    case "held":
      return "held";
    case "ended":
      return "ending";
    default:
      return "talking";
  }
}
