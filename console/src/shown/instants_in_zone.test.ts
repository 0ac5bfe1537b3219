import { afterEach, expect, test } from "vitest";
import { instantAt, isoDay, setZone } from "./instants";

afterEach(() => setZone("Asia/Shanghai"));

test("what the hospital's clocks show becomes an instant and back", () => {
  expect(instantAt("2026-11-22", "08:00")).toBe("2026-11-22T00:00:00.000Z");
  expect(isoDay("2026-11-21T16:00:00Z")).toBe("2026-11-22");
  setZone("Europe/London");
  expect(instantAt("2026-07-01", "09:30")).toBe("2026-07-01T08:30:00.000Z");
  expect(instantAt("2026-03-29", "12:00")).toBe("2026-03-29T11:00:00.000Z");
});
