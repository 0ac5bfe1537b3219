import { describe, expect, it } from "vitest";
import { misfit, missingQuestions, numberIn, openQuestions, questionsOf, type Item } from "./form_rules";

function question(link_id: string, more: Partial<Item> = {}): Item {
  return {
    link_id,
    type: "boolean",
    text: { zh: link_id, en: link_id },
    required: false,
    options: [],
    minimum: null,
    maximum: null,
    unit: null,
    largest_change: null,
    enable_when: [],
    enable_behavior: "all",
    for_proxies: true,
    matter: "symptoms",
    prefill: null,
    items: [],
    ...more,
  };
}

const ids = (items: Item[]) => items.map((item) => item.link_id);
const pain = question("pain", { type: "integer", required: true, minimum: 0, maximum: 10 });
const where = question("where", { required: true, enable_when: [{ question: "pain", operator: ">=", answer: 4 }] });
const since = question("since", { type: "date", enable_when: [{ question: "where", operator: "exists", answer: true }] });
const form = [question("group", { type: "group", items: [pain, where] }), since];

describe("open questions", () => {
  it("opens what an answer asks for, through groups", () => {
    expect(ids(questionsOf(form))).toEqual(["pain", "where", "since"]);
    expect(ids(openQuestions(form, {}))).toEqual(["pain"]);
    expect(ids(openQuestions(form, { pain: 4 }))).toEqual(["pain", "where"]);
    expect(ids(openQuestions(form, { pain: 4, where: true }))).toEqual(["pain", "where", "since"]);
  });
  it("lets the answer of a question that closed open nothing", () => {
    expect(ids(openQuestions(form, { pain: 1, where: true }))).toEqual(["pain"]);
  });
  it("misses what is required, open, unanswered and not left out", () => {
    expect(ids(missingQuestions(form, { pain: 9 }))).toEqual(["where"]);
    expect(ids(missingQuestions(form, { pain: 9 }, { where: "not_for_relatives" }))).toEqual([]);
  });
  it("compares nothing that has no order", () => {
    const odd = [question("a"), question("b", { enable_when: [{ question: "a", operator: ">", answer: 0 }] })];
    expect(ids(openQuestions(odd, { a: "better" }))).toEqual(["a"]);
    expect(ids(openQuestions(odd, { a: "2" }))).toEqual(["a", "b"]);
  });
});

describe("typed answers", () => {
  it.each([
    [3, ""],
    [3.5, "not_whole"],
    [-1, "too_small"],
    [11, "too_large"],
    [NaN, "not_a_number"],
  ])("%d of a whole number from 0 to 10: %s", (value, why) => expect(misfit(pain, value)).toBe(why));
  it("reads full-width digits and a comma", () => {
    expect(numberIn("36.5")).toBe(36.5);
    expect(numberIn("36,5")).toBe(36.5);
    expect(numberIn(" ")).toBeNaN();
  });
});
