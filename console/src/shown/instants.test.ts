import { describe, expect, it } from "vitest";
import { span } from "./instants";

describe("a span of seconds", () => {
  it.each([
    [0, "0:00"],
    [83.9, "1:23"],
    [3723, "1:02:03"],
    [-5, "0:00"],
  ])("%d is %s", (seconds, shown) => expect(span(seconds)).toBe(shown));
});
