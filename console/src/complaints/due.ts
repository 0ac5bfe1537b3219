// How many days are left until a request is to be answered, by the hospital's calendar day.
export type Due = { kind: "overdue" | "today" } | { kind: "left"; days: number };

const DAY_MS = 86_400_000;

/** `dueOn` and `today` as YYYY-MM-DD. */
export function dueOf(dueOn: string, today: string): Due {
  const days = Math.round((Date.parse(`${dueOn}T00:00:00Z`) - Date.parse(`${today}T00:00:00Z`)) / DAY_MS);
  if (days < 0) return { kind: "overdue" };
  return days === 0 ? { kind: "today" } : { kind: "left", days };
}
