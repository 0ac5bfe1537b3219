// Every word the console says. Each folder keeps its own words.zh.ts and words.en.ts; zh is the base, tsc holds en to its keys.
import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import dayjs from "dayjs";
import "dayjs/locale/zh-cn";

export type Language = "zh" | "en";

/** The shape of a words.zh.ts with other texts: what words.en.ts has to satisfy. */
export type Translated<Base> = { [Key in keyof Base]: Base[Key] extends string ? string : Translated<Base[Key]> };

/** A text that the server keeps in both languages. */
export interface Both {
  zh: string;
  en: string;
}

const KEPT = "suifang.language";

// At once, since folders add their words as they are imported.
void i18next.use(initReactI18next).init({
  lng: kept(),
  fallbackLng: "zh",
  resources: {},
  interpolation: { escapeValue: false },
  returnNull: false,
});
follow(kept());

/** Make a folder's words known; called once at the top of each folder's words.ts. */
export function addWords(namespace: string, zh: object, en: object): void {
  i18next.addResourceBundle("zh", namespace, zh, true, true);
  i18next.addResourceBundle("en", namespace, en, true, true);
}

export function language(): Language {
  return i18next.language === "en" ? "en" : "zh";
}

export function speak(chosen: Language): void {
  localStorage.setItem(KEPT, chosen);
  void i18next.changeLanguage(chosen);
  follow(chosen);
}

/** The one of both texts that the reader reads. */
export function said(text: Both | null | undefined): string {
  return text ? text[language()] || text.zh || text.en : "";
}

function kept(): Language {
  const chosen = localStorage.getItem(KEPT);
  if (chosen === "en" || chosen === "zh") return chosen;
  return navigator.language.startsWith("zh") ? "zh" : navigator.language ? "en" : "zh";
}

function follow(chosen: Language): void {
  document.documentElement.lang = chosen === "zh" ? "zh-CN" : "en";
  dayjs.locale(chosen === "zh" ? "zh-cn" : "en");
}
