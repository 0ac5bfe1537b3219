// Finding one's way through a transcript by second and by word.

export interface Timed {
  start: number;
  end: number;
}

/** The turn that is spoken at this second, or the last one begun before it; -1 before the first. */
export function turnAt(turns: readonly Timed[], second: number): number {
  let found = -1;
  for (let at = 0; at < turns.length && turns[at]!.start <= second + 0.05; at++) found = at;
  return found;
}

/** Where the turn before begins; in the middle of a turn it is the turn itself, as with the key of a CD player. */
export function secondBefore(turns: readonly Timed[], second: number): number {
  const at = turnAt(turns, second);
  if (at < 0) return 0;
  const start = turns[at]!.start;
  return second - start > 2 || at === 0 ? start : turns[at - 1]!.start;
}

export function secondBehind(turns: readonly Timed[], second: number): number | null {
  return turns[turnAt(turns, second) + 1]?.start ?? null;
}

export interface Found {
  turn: number;
  start: number;
  end: number;
}

/** Every place where `words` stand in the turns, letters of either case. */
export function placesOf(turns: readonly { shown: string }[], words: string): Found[] {
  const wanted = words.trim().toLowerCase();
  if (!wanted) return [];
  return turns.flatMap(({ shown }, turn) => {
    const found: Found[] = [];
    const text = shown.toLowerCase();
    for (let start = text.indexOf(wanted); start >= 0; start = text.indexOf(wanted, start + wanted.length)) {
      found.push({ turn, start, end: start + wanted.length });
    }
    return found;
  });
}
