import { expect, it } from "vitest";
import { age } from "./shown";

const NOW = Date.parse("2026-11-22T10:00:00Z");

it.each([
  ["2026-11-22T09:48:00Z", "12"],
  ["2026-11-22T08:30:00Z", "1"],
  ["2026-11-20T10:00:00Z", "2"],
])("the age of %s is told in one unit", (since, number) => expect(age(since, NOW)).toContain(number));
