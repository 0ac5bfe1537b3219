import type { Translated } from "@/words";
import type zh from "./words.zh";

const en: Translated<typeof zh> = {};

export default en;
