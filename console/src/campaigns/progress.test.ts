import { expect, it } from "vitest";
import { progress, type Campaign } from "./shown";

it.each([
  [0, 0, { done: 0, size: 0, percent: 0 }],
  [3, 1, { done: 2, size: 3, percent: 66 }],
  [7, 0, { done: 7, size: 7, percent: 100 }],
])("of %d people %d are open", (size, still_open, shown) =>
  expect(progress({ counts: { size, groups: { still_open }, left_out: {} } } as unknown as Campaign)).toEqual(shown),
);
