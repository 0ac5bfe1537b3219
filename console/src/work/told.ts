// What went wrong, for a message at the edge of the page; why the gate says no stands in the reader's words.
import { App } from "antd";
import i18next from "i18next";
import { inWords, Problem } from "@/api/problem";

function inOneLine(problem: unknown): string {
  const { title, detail } = inWords(problem);
  if (problem instanceof Problem && problem.code === "call_refused" && Array.isArray(problem.told["reasons"])) {
    const reasons = (problem.told["reasons"] as string[]).map((reason) => i18next.t(`work:gate.${reason as "outside_hours"}`));
    return [title, reasons.join(", ")].join(": ");
  }
  return [title, detail].filter(Boolean).join(": ");
}

/** Tell of a failure. */
export function useTold(): (problem: unknown) => void {
  const { message } = App.useApp();
  return (problem) => void message.error(inOneLine(problem));
}
