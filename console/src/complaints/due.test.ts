import { describe, expect, it } from "vitest";
import { dueOf } from "./due";

describe("the day by which a request is answered", () => {
  it.each([
    ["2026-11-22", "2026-11-23", { kind: "overdue" }],
    ["2026-11-23", "2026-11-23", { kind: "today" }],
    ["2026-12-01", "2026-11-30", { kind: "left", days: 1 }],
    ["2027-01-02", "2026-12-31", { kind: "left", days: 2 }],
  ])("%s seen on %s", (dueOn, today, due) => expect(dueOf(dueOn, today)).toEqual(due));
});
