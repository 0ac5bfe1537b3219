// Where nobody speaks, by the waveform or, without one, by the transcript.

export interface Stretch {
  start: number;
  end: number;
}

/** Of 100: what a quiet line makes by itself. */
const QUIET = 4;
const SHORTEST = 1.2;
/** Kept of a silence on either side, so that no word loses its beginning. */
const KEPT = 0.25;

interface Waveform {
  per_second: number;
  agent: readonly number[];
  patient: readonly number[];
}

export function silencesOf(waveform: Waveform): Stretch[] {
  const found: Stretch[] = [];
  let since: number | null = null;
  const length = waveform.agent.length;
  for (let at = 0; at <= length; at++) {
    const quiet = at < length && waveform.agent[at]! <= QUIET && (waveform.patient[at] ?? 0) <= QUIET;
    if (quiet) since ??= at;
    else if (since !== null) {
      add(found, since / waveform.per_second, at / waveform.per_second);
      since = null;
    }
  }
  return found;
}

export function silencesBetween(turns: readonly Stretch[], seconds: number): Stretch[] {
  const found: Stretch[] = [];
  let spoken = 0;
  for (const turn of [...turns].sort((one, other) => one.start - other.start)) {
    if (turn.start > spoken) add(found, spoken, turn.start);
    spoken = Math.max(spoken, turn.end);
  }
  if (seconds > spoken) add(found, spoken, seconds);
  return found;
}

/** Where to go on when `second` lies in a silence; null when somebody speaks. */
export function pastSilence(silences: readonly Stretch[], second: number): number | null {
  let [low, high] = [0, silences.length - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    const silence = silences[middle]!;
    if (second < silence.start + KEPT) high = middle - 1;
    else if (second >= silence.end - KEPT) low = middle + 1;
    else return silence.end - KEPT;
  }
  return null;
}

function add(found: Stretch[], start: number, end: number): void {
  if (end - start >= SHORTEST) found.push({ start, end });
}
