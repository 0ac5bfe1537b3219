// Which questions stand open for the answers so far: the same rules as the server's, so that the form goes on without it.
import type { Shape } from "@/api/client";

export type Form = Shape["FormAnswer"];
export type Item = Form["items"][number];
export type Value = boolean | number | string;
export type Answers = Readonly<Record<string, Value | undefined>>;

/** Every question in order, groups opened. */
export function questionsOf(items: readonly Item[]): Item[] {
  return items.flatMap((item) => (item.type === "group" ? questionsOf(item.items) : [item]));
}

/** The questions that the answers so far open, in order; a closed question's own answer opens nothing. */
export function openQuestions(items: readonly Item[], answers: Answers): Item[] {
  return opened(items, answers, {});
}

/** Required questions among the open ones without an answer. */
export function missingQuestions(items: readonly Item[], answers: Answers, left: Readonly<Record<string, string>> = {}): Item[] {
  return openQuestions(items, answers).filter((item) => item.required && answers[item.link_id] === undefined && !(item.link_id in left));
}

/** Why a typed answer does not fit its question: empty where it does. */
export function misfit(item: Item, value: Value): "" | "not_a_number" | "not_whole" | "too_small" | "too_large" | "not_a_day" {
  if (item.type === "date") return /^\d{4}-\d{2}-\d{2}$/.test(String(value)) ? "" : "not_a_day";
  if (item.type !== "integer" && item.type !== "decimal") return "";
  if (typeof value !== "number" || !Number.isFinite(value)) return "not_a_number";
  if (item.type === "integer" && !Number.isInteger(value)) return "not_whole";
  if (item.minimum !== null && value < item.minimum) return "too_small";
  if (item.maximum !== null && value > item.maximum) return "too_large";
  return "";
}

/** What was typed into a field of numbers, full-width digits too. */
export function numberIn(text: string): number {
  const plain = text.trim().normalize("NFKC").replace(",", ".");
  return plain === "" ? NaN : Number(plain);
}

function opened(items: readonly Item[], answers: Answers, valid: Record<string, Value>): Item[] {
  const found: Item[] = [];
  for (const item of items) {
    if (!isOpened(item, valid)) continue;
    if (item.type === "group") {
      found.push(...opened(item.items, answers, valid));
      continue;
    }
    found.push(item);
    const given = answers[item.link_id];
    if (given !== undefined) valid[item.link_id] = given;
  }
  return found;
}

function isOpened(item: Item, answers: Answers): boolean {
  if (item.enable_when.length === 0) return true;
  const held = item.enable_when.map((condition) => holds(condition, answers[condition.question]));
  return item.enable_behavior === "any" ? held.some(Boolean) : held.every(Boolean);
}

function holds(condition: Item["enable_when"][number], given: Value | undefined): boolean {
  const wanted = condition.answer;
  if (condition.operator === "exists") return (given !== undefined) === Boolean(wanted);
  if (given === undefined) return false;
  if (condition.operator === "=") return given === wanted;
  if (condition.operator === "!=") return given !== wanted;
  const [left, right] = [comparable(given), comparable(wanted)];
  if (left === null || right === null) return false;
  switch (condition.operator) {
    case ">":
      return left > right;
    case "<":
      return left < right;
    case ">=":
      return left >= right;
    default:
      return left <= right;
  }
}

function comparable(value: Value): number | null {
  if (typeof value !== "string") return Number(value);
  return value.trim() === "" || Number.isNaN(Number(value)) ? null : Number(value);
}
