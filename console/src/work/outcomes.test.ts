import { describe, expect, it } from "vitest";
import { asked, choiceOf, CHOICES, keyOf, proposed, type Said } from "./outcomes";

const said: Said = { choice: "completed", relative: false, spokeWith: "", callBackAt: null, note: " ", partial: false, along: [] };

describe("what is told to the server", () => {
  it("is one outcome for each key, and back", () => {
    for (const choice of CHOICES) expect(choiceOf(keyOf(choice))).toBe(choice);
    expect(choiceOf("x")).toBeUndefined();
  });
  it("says who spoke", () => {
    expect(asked(said)).toMatchObject({ outcome: "connected-patient", task_result: "completed", note: null });
    expect(asked({ ...said, relative: true, spokeWith: " 女儿 " })).toMatchObject({ outcome: "connected-proxy", spoke_with: "女儿" });
  });
  it("gives no result and no hour where nobody of the family spoke", () => {
    expect(asked({ ...said, choice: "wrong_number", relative: true, spokeWith: "x", along: ["t"] })).toMatchObject({
      outcome: "wrong-number",
      task_result: null,
      results: {},
      spoke_with: null,
    });
  });
  it("keeps a promised hour and leaves the task open for it", () => {
    const ask = asked({ ...said, choice: "call_back", callBackAt: "2026-11-23T01:00:00Z" });
    expect([ask.task_result, ask.call_back]).toEqual([null, { at: "2026-11-23T01:00:00Z", own: true }]);
  });
  it("settles what was taken along alike", () => {
    expect(asked({ ...said, choice: "refused", along: ["t"] }).results).toEqual({ t: "refused" });
  });
});

describe("what is proposed", () => {
  it.each([
    [{ failures: 2, identified: false, missing: 3, answered: 0 }, "wrong_person"],
    [{ failures: 0, identified: false, missing: 3, answered: 0 }, null],
    [{ failures: 0, identified: true, missing: 3, answered: 0 }, null],
    [{ failures: 0, identified: true, missing: 3, answered: 2 }, "partially"],
    [{ failures: 0, identified: true, missing: 0, answered: 5 }, "completed"],
  ])("%o: %s", (facts, choice) => expect(proposed(facts)).toBe(choice));
});
