// A template's distances in time, as the server writes them (48 h, 7 d, 6 w, 3 mo, 1 y), for a line drawn to scale.
const DAYS: Record<string, number> = { h: 1 / 24, d: 1, w: 7, mo: 365.2425 / 12, y: 365.2425 };

export type Unit = "h" | "d" | "w" | "mo" | "y";

/** Count and unit; undefined where it is written otherwise. */
export function parted(written: string): { count: number; unit: Unit } | undefined {
  const found = /^(-?\d+(?:\.\d+)?)\s*(h|d|w|mo|y)$/.exec(written.trim());
  return found ? { count: Number(found[1]), unit: found[2] as Unit } : undefined;
}

/** Days from the anchor, negative before it. */
export function daysOf(written: string): number {
  const found = parted(written);
  return found ? found.count * DAYS[found.unit]! : 0;
}
