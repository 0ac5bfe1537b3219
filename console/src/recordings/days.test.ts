import { describe, expect, it } from "vitest";
import { dayBegins } from "./days";

describe("a day of the hospital", () => {
  it.each([
    ["2026-11-21", "Asia/Shanghai", 0, "2026-11-20T16:00:00.000Z"],
    ["2026-11-21", "Asia/Shanghai", 1, "2026-11-21T16:00:00.000Z"],
    ["2026-03-29", "Europe/Berlin", 0, "2026-03-28T23:00:00.000Z"],
    ["2026-03-29", "Europe/Berlin", 1, "2026-03-29T22:00:00.000Z"],
    ["2026-07-01", "America/New_York", 0, "2026-07-01T04:00:00.000Z"],
  ])("%s in %s, %d days on, begins at %s", (day, zone, later, begins) => expect(dayBegins(day, zone, later)).toBe(begins));
});
