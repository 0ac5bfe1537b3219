import { describe, expect, it } from "vitest";
import { heardEnough } from "./silence";

const after = (levels: number[]) => levels.reduce(heardEnough, 0);

describe("a microphone is heard", () => {
  it("after three loud readings, and stays heard", () => expect(after([0.5, 0, 0.4, 0.6, 0, 0])).toBe(-1));
  it("not by one knock", () => expect(after([0, 0.9, 0, 0, 0])).toBe(1));
  it("not by the hiss of a muted one", () => expect(after([0.1, 0.2, 0.1, 0.24, 0.1])).toBe(0));
});
