import type { Translated } from "@/words";
import type zh from "./words.zh";

const en: Translated<typeof zh> = {
  retry: "Try again",
  more: "More",
  nothing: "Nothing here",
  as_of: "as of {{time}}",
  detail: "Technical detail",
  copied: "Copied",
  undo: "Undo",
};

export default en;
