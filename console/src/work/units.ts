// Units as people write them; the server keeps UCUM.
import i18next from "i18next";

const WRITTEN: Record<string, string> = { "1": "", "mm[Hg]": "mmHg", Cel: "°C", "[degF]": "°F", "kg/m2": "kg/m²", "10*9/L": "10⁹/L", "10*12/L": "10¹²/L", "umol/L": "µmol/L", "ug/L": "µg/L" };

const IN_WORDS = ["d", "h", "min", "wk", "mo", "a"] as const;

/** A unit for a person's eyes; what stands in braces is a remark of UCUM and no unit. */
export function unitShown(ucum: string): string {
  const word = IN_WORDS.find((each) => each === ucum);
  if (word) return i18next.t(`work:units.${word}`);
  return WRITTEN[ucum] ?? ucum.replace(/\{[^}]*\}/g, "").replace("mm[Hg]", "mmHg");
}
