// Turns as a reader sees them: corrected words before those that were heard, figures before spoken numbers.
import type { Shape } from "@/api/client";
import type { ShownTurn } from "./Transcript";

export function shownTurns(turns: readonly Shape["TurnAnswer"][]): ShownTurn[] {
  return turns.map((turn) => ({
    channel: turn.channel,
    start: turn.start,
    end: turn.end,
    shown: turn.written || turn.text,
    confidence: turn.confidence,
    medicines: [...new Set(turn.medicines.map((each) => each.name))],
  }));
}
