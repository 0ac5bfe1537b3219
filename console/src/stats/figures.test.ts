import { expect, test } from "vitest";
import { countsText, inOrder, intervalText, valueText, type Figure, type Row } from "./figures";

const figure = (more: Partial<Figure>): Figure => ({
  code: "completion",
  numerator: 331,
  denominator: 420,
  value: 78.81,
  low: 74.63,
  high: 82.45,
  ninetieth: null,
  small: false,
  hidden: false,
  ...more,
});

test("a percent is told with two digits, its counts and its interval", () => {
  expect(valueText(figure({}), "percent")).toBe("78.81 %");
  expect(countsText(figure({}), "percent")).toBe("331 / 420");
  expect(intervalText(figure({}))).toBe("74.6–82.5");
});

test("durations are told as clocks, and without a value nothing is made up", () => {
  expect(valueText(figure({ value: 240 }), "median_seconds")).toBe("4:00");
  expect(valueText(figure({ value: null }), "percent")).toBe("—");
  expect(valueText(undefined, "percent")).toBe("—");
  expect(countsText(figure({ numerator: null, denominator: 36 }), "median_seconds")).toBe("n = 36");
});

test("rows stand with the highest first, by time as they come, and what has no value last", () => {
  const row = (key: string, value: number | null): Row => ({ key, name: key, figures: [figure({ value })] });
  const rows = [row("a", null), row("b", 10), row("c", 90)];
  expect(inOrder(rows, "completion", false).map(({ row: { key } }) => key)).toEqual(["c", "b", "a"]);
  expect(inOrder(rows, "completion", true).map(({ row: { key } }) => key)).toEqual(["a", "b", "c"]);
  expect(inOrder(rows, "other", false)).toEqual([]);
});
