// Why an agent is where she is: the breaks she can choose, and what the system says of itself.
import i18next from "i18next";
import "./words";

/** What stands in `state_reason` of a break that was chosen. */
export const BREAKS = ["rest", "meal", "meeting", "paperwork", "other"] as const;

const OF_THE_SYSTEM: Record<string, "not_taken" | "declined" | "console_silent" | "preview" | "logged_out" | "disabled" | "handed_over"> = {
  "a caller was not taken": "not_taken",
  "declined a caller": "declined",
  "the console was not heard": "console_silent",
  "preview expired": "preview",
  "logged out": "logged_out",
  disabled: "disabled",
  "handed over": "handed_over",
};

/** A desk's `state_reason` in the reader's language; what is unknown stays as the server says it. */
export function reasonWords(reason: string): string {
  if ((BREAKS as readonly string[]).includes(reason)) return i18next.t(`calls:breaks.${reason as (typeof BREAKS)[number]}`);
  const known = OF_THE_SYSTEM[reason];
  return known ? i18next.t(`calls:system_reasons.${known}`) : reason;
}
