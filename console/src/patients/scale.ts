// Where a value lies on a drawing, and the round numbers beside it.

/** A straight line from values to places; where all values are one, its middle. */
export function scaleOf(low: number, high: number, from: number, to: number): (value: number) => number {
  if (high === low) return () => (from + to) / 2;
  return (value) => from + ((value - low) / (high - low)) * (to - from);
}

/** About `count` round numbers that hold everything between both between their ends. */
export function ticksOf(low: number, high: number, count: number): number[] {
  const span = high - low || Math.abs(high) || 1;
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough) ?? rough;
  const begin = Math.floor(low / step);
  const end = Math.max(begin + 1, Math.ceil(high / step));
  return Array.from({ length: end - begin + 1 }, (_, place) => (begin + place) * step);
}
