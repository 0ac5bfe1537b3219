import { expect, test } from "vitest";
import { scaleOf, ticksOf } from "./scale";

test("round numbers hold every value between their ends", () => {
  expect(ticksOf(136, 152, 5)).toEqual([135, 140, 145, 150, 155]);
  expect(ticksOf(5, 5, 5)).toEqual([5, 6]);
  for (const [low, high] of [[0.01, 0.07], [-3, 12], [900, 120_000]] as const) {
    const ticks = ticksOf(low, high, 5);
    expect(ticks[0]).toBeLessThanOrEqual(low);
    expect(ticks.at(-1)).toBeGreaterThanOrEqual(high);
    expect(ticks.length).toBeLessThan(9);
  }
});

test("one value alone stands in the middle", () => {
  expect(scaleOf(7, 7, 0, 10)(7)).toBe(5);
  expect(scaleOf(0, 10, 100, 0)(2)).toBe(80);
});
