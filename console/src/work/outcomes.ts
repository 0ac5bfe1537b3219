// What an agent may say came of a call in which a person spoke: one key each, and what the server is told.
import type { Shape } from "@/api/client";

export const CHOICES = [
  "completed",
  "partially",
  "call_back",
  "refused",
  "transferred",
  "readmitted",
  "deceased",
  "wrong_person",
  "wrong_number",
  "machine",
] as const;

export type Choice = (typeof CHOICES)[number];
export type Ask = Shape["WrapUpAsk"];

/** These end more than the call: said twice. */
export const GRAVE: ReadonlySet<Choice> = new Set<Choice>(["refused", "deceased"]);

/** The key of a choice: 1 to 9, then 0. */
export function keyOf(choice: Choice): string {
  return String((CHOICES.indexOf(choice) + 1) % 10);
}

export function choiceOf(key: string): Choice | undefined {
  return /^\d$/.test(key) ? CHOICES[(Number(key) + 9) % 10] : undefined;
}

const RESULTS: Partial<Record<Choice, NonNullable<Ask["task_result"]>>> = {
  completed: "completed",
  partially: "partially-completed",
  refused: "refused",
  transferred: "transferred",
  readmitted: "readmitted",
  deceased: "deceased",
};

const WITHOUT_THE_PATIENT: Partial<Record<Choice, Ask["outcome"]>> = {
  wrong_person: "connected-wrong-person",
  wrong_number: "wrong-number",
  machine: "answered-machine",
};

export interface Said {
  choice: Choice;
  relative: boolean;
  spokeWith: string;
  callBackAt: string | null;
  note: string;
  partial: boolean;
  along: readonly string[];
}

/** The wrap-up as the server takes it. */
export function asked({ choice, relative, spokeWith, callBackAt, note, partial, along }: Said): Ask {
  const nobody = WITHOUT_THE_PATIENT[choice];
  const result = RESULTS[choice] ?? null;
  return {
    outcome: nobody ?? (relative ? "connected-proxy" : "connected-patient"),
    task_result: result,
    results: result === null ? {} : Object.fromEntries(along.map((taskId) => [taskId, result])),
    call_back: choice === "call_back" && callBackAt ? { at: callBackAt, own: true } : null,
    spoke_with: nobody === undefined && relative && spokeWith.trim() ? spokeWith.trim() : null,
    note: note.trim() || null,
    partial,
    no_action: false,
  };
}

/** What to begin with, from what the call has shown. */
export function proposed(facts: { failures: number; identified: boolean; missing: number; answered: number }): Choice | null {
  if (!facts.identified) return facts.failures > 0 ? "wrong_person" : null;
  if (facts.answered === 0) return null;
  return facts.missing === 0 ? "completed" : "partially";
}
