// Turns as a reader sees them: corrected words before those that were heard, figures before spoken numbers.
import type { Shape } from "@/api/client";
import type { ShownTurn } from "./Transcript";

type Turn = Shape["TurnAnswer"];

export function shownTurns(turns: readonly Turn[]): ShownTurn[] {
  return turns.map((turn) => {
    const corrected = turn.corrections.at(-1);
    const known = { channel: turn.channel, start: turn.start, end: turn.end };
    if (corrected) return { ...known, shown: corrected.written || corrected.words };
    return {
      ...known,
      shown: turn.written || turn.text,
      confidence: turn.confidence,
      medicines: [...new Set(turn.medicines.map((each) => each.name))],
    };
  });
}
