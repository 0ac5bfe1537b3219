// One follow-up as a sheet of its own: to be pasted into another system, or laid into the paper record.
import i18next from "i18next";
import { dayAndClock } from "@/shown/instants";

interface Told {
  name: string;
  at: string;
  agent: string | null;
  outcome: string;
  result: string;
  text: string;
}

/** The record as plain text. */
export function recordInWords({ name, at, agent, outcome, result, text }: Told): string {
  const head = i18next.t("work:record.title");
  const lines = [
    `${i18next.t("work:record.patient")}: ${name}`,
    `${i18next.t("work:record.at")}: ${dayAndClock(at)}`,
    agent && `${i18next.t("work:record.agent")}: ${agent}`,
    `${i18next.t("work:record.outcome")}: ${[outcome, result].filter(Boolean).join(" · ")}`,
  ];
  return [head, ...lines.filter(Boolean), "", text].join("\n");
}

/** Print a text and nothing of the page around it. */
export function printRecord(text: string): void {
  const sheet = document.createElement("pre");
  sheet.className = "printed-sheet";
  sheet.textContent = text;
  document.body.append(sheet);
  document.body.classList.add("prints-a-sheet");
  const done = () => {
    sheet.remove();
    document.body.classList.remove("prints-a-sheet");
  };
  window.addEventListener("afterprint", done, { once: true });
  window.print();
}
