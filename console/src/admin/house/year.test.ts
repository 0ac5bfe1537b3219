import { expect, test } from "vitest";
import { monthsOf, weekdayOf } from "./year";

test("a year has its months and days, leap years theirs", () => {
  expect(monthsOf(2026).reduce((sum, month) => sum + month.days.length, 0)).toBe(365);
  expect(monthsOf(2028)[1]!.days.at(-1)).toBe("2028-02-29");
  expect(monthsOf(2026)[10]!.first).toBe("2026-11-01");
});

test("Monday is 1 and Sunday 7", () => {
  expect(weekdayOf("2026-11-23")).toBe(1);
  expect(weekdayOf("2026-11-22")).toBe(7);
});
