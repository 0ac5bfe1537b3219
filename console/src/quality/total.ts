// The running total while a card is being marked; what counts is the server's own, made of the same rule.
import type { Shape } from "@/api/client";

export type Item = Shape["CardItemAnswer"];
export type MarkKind = Shape["ItemMarkAnswer"]["mark"];

export interface Marked {
  mark: MarkKind;
  at_second: number | null;
  remark: string;
}

export type Marks = Readonly<Record<string, Marked>>;

export interface Total {
  /** Of 100; null where nothing applies. */
  value: number | null;
  open: readonly string[];
  fatal: readonly string[];
  /** Not met, and neither a second nor a remark says why. */
  bare: readonly string[];
}

export function total(items: readonly Item[], marks: Marks): Total {
  const of = (item: Item) => marks[item.code];
  const applying = items.filter((item) => of(item) && of(item)!.mark !== "not_applicable");
  const weight = (some: readonly Item[]) => some.reduce((sum, item) => sum + item.weight, 0);
  const missed = applying.filter((item) => of(item)!.mark === "not_met");
  const fatal = missed.filter((item) => item.fatal).map((item) => item.code);
  const applicable = weight(applying);
  const met = applicable - weight(missed);
  return {
    value: fatal.length ? 0 : applicable ? (100 * met) / applicable : null,
    open: items.filter((item) => !of(item)).map((item) => item.code),
    fatal,
    bare: missed.filter((item) => of(item)!.at_second === null && !of(item)!.remark.trim()).map((item) => item.code),
  };
}

export function marksOf(answer: readonly Shape["ItemMarkAnswer"][]): Marks {
  return Object.fromEntries(answer.map(({ item, mark, at_second, remark }) => [item, { mark, at_second, remark }]));
}

export function asked(marks: Marks): Shape["MarkAsk"][] {
  return Object.entries(marks).map(([item, mark]) => ({ item, ...mark }));
}
