// When a microphone counts as heard: loud enough several times, not by one knock on the table.
export const SILENT_MS = 5000;

const LOUD = 0.25; // of the level meter: 45 dB below full
const TIMES = 3;

/** Counts loud readings; below 0 once there were enough. */
export function heardEnough(loud: number, level: number): number {
  if (loud < 0) return loud;
  const now = level >= LOUD ? loud + 1 : loud;
  return now >= TIMES ? -1 : now;
}
