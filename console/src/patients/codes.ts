// Codes of the server in words. A code that a newer server may send stands as it is.
import i18next from "i18next";
import type zh from "./words.zh";

type Codes = (typeof zh)["codes"];

/** The word of a code, in the reader's language. */
export function word(group: keyof Codes, code: unknown): string {
  if (code === null || code === undefined || code === "") return "";
  const key = `patients:codes.${group}.${String(code)}`;
  return i18next.exists(key) ? i18next.t(key as "patients:title") : String(code);
}

/** Every code of a group with its word, for a field in which one is chosen. */
export function choices(group: keyof Codes): { value: string; label: string }[] {
  const all = i18next.t(`patients:codes.${group}` as "patients:codes.sex", { returnObjects: true }) as Record<string, string>;
  return Object.entries(all).map(([value, label]) => ({ value, label }));
}
