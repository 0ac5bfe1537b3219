import { describe, expect, it } from "vitest";
import { total, type Item, type Marks } from "./total";

const both = { zh: "", en: "" };
const item = (code: string, weight: number, fatal = false): Item => ({ code, weight, fatal, may_not_apply: true, title: both, help: both });
const ITEMS = [item("identity", 10, true), item("opening", 30), item("closing", 60)];
const marks = (identity: string, opening: string, closing: string): Marks =>
  Object.fromEntries(
    Object.entries({ identity, opening, closing }).map(([code, mark]) => [code, { mark: mark as Marks[string]["mark"], at_second: 1, remark: "" }]),
  );

describe("the total of a card", () => {
  it("is met weight of the weight that applies", () => {
    expect(total(ITEMS, marks("met", "not_met", "met")).value).toBeCloseTo(70);
    expect(total(ITEMS, marks("not_applicable", "met", "not_met")).value).toBeCloseTo(100 / 3);
  });
  it("is nought with a fatal item missed, and nothing where nothing applies", () => {
    expect(total(ITEMS, marks("not_met", "met", "met"))).toMatchObject({ value: 0, fatal: ["identity"] });
    expect(total(ITEMS, marks("not_applicable", "not_applicable", "not_applicable")).value).toBeNull();
  });
  it("says what is open and what wants evidence", () => {
    const some: Marks = { opening: { mark: "not_met", at_second: null, remark: " " } };
    expect(total(ITEMS, some)).toMatchObject({ open: ["identity", "closing"], bare: ["opening"] });
  });
});
