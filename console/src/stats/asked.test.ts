import { expect, test } from "vitest";
import { askedOf, rowQueryOf, usualPeriods } from "./asked";

test("without an address it is this month up to today, by department", () => {
  expect(askedOf({}, "2026-11-22")).toMatchObject({ first: "2026-11-01", last: "2026-11-22", by: "department", of: "completion" });
});

test("days that make no sense are not asked for", () => {
  expect(askedOf({ first: "2026-12-01", last: "2026-11-01" }, "2026-11-22")).toMatchObject({ first: "2026-11-01", last: "2026-11-22" });
  expect(askedOf({ first: "yesterday", last: "2026-11-01" }, "2026-11-22").first).toBe("2026-11-01");
  expect(askedOf({ by: "moon" as never }, "2026-11-22").by).toBe("department");
});

test("a year is told by weeks and not by days", () => {
  expect(askedOf({ first: "2026-01-01", last: "2026-11-22", by: "day" }, "2026-11-22").by).toBe("week");
  expect(askedOf({ first: "2026-10-01", last: "2026-11-22", by: "day" }, "2026-11-22").by).toBe("day");
});

test("the usual periods are whole months, over the turn of a year too", () => {
  const of = (name: string, today: string) => usualPeriods(today).find((each) => each.name === name);
  expect(of("last_month", "2026-01-15")).toMatchObject({ first: "2025-12-01", last: "2025-12-31" });
  expect(of("last_month", "2026-03-31")).toMatchObject({ first: "2026-02-01", last: "2026-02-28" });
  expect(of("three_months", "2026-02-10")).toMatchObject({ first: "2025-11-01", last: "2026-01-31" });
  expect(of("thirty_days", "2026-03-01")).toMatchObject({ first: "2026-01-31", last: "2026-03-01" });
});

test("a row asks for what it stands for, and for no day outside the period", () => {
  const asked = askedOf({ first: "2026-10-03", last: "2026-11-10" }, "2026-11-22");
  expect(rowQueryOf(asked, "ward")).toMatchObject({ first: "2026-10-03", last: "2026-11-10", department: "ward" });
  expect(rowQueryOf({ ...asked, by: "week" }, "2026-09-28")).toMatchObject({ first: "2026-10-03", last: "2026-10-04" });
  expect(rowQueryOf({ ...asked, by: "month" }, "2026-10-01")).toMatchObject({ first: "2026-10-03", last: "2026-10-31" });
  expect(rowQueryOf({ ...asked, by: "month" }, "2026-11-01")).toMatchObject({ first: "2026-11-01", last: "2026-11-10" });
  expect(rowQueryOf({ ...asked, by: "agent" }, "id")).toMatchObject({ agent_id: "id" });
});
