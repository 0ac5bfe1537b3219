import { expect, it } from "vitest";
import { daysOf, parted } from "./offsets";

it("reads distances as the server writes them", () => {
  expect(parted("-1.5 h")).toEqual({ count: -1.5, unit: "h" });
  expect(daysOf("48 h")).toBe(2);
  expect(daysOf("-2 d")).toBe(-2);
  expect(daysOf("6 w")).toBe(42);
  expect(Math.round(daysOf("3 mo"))).toBe(91);
  expect(parted("soon")).toBeUndefined();
});
