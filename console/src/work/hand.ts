// What is in hand, with what was typed laid over what the server has.
import { useMemo } from "react";
import { useCall } from "@/calls/call";
import type { Shape } from "@/api/client";
import { draft } from "./draft";
import { missingQuestions, openQuestions, type Answers, type Form, type Item } from "./form_rules";

export type Own = Shape["OwnCallAnswer"];

export interface Part {
  task: Shape["TaskAnswer"];
  form: Form;
  /** Questions that are not put to whoever is on the line, and why. */
  skipped: Record<string, string>;
  answers: Answers;
  open: Item[];
  missing: Item[];
}

export interface Hand {
  own: Own | undefined;
  /** The forms of the attempt's own task and of those taken along. */
  parts: Part[];
  identified: boolean;
  relative: boolean;
}

export function useHand(): Hand {
  const { own } = useCall();
  const unsaved = draft((state) => state.unsaved);
  const saved = draft((state) => state.saved);
  return useMemo(() => {
    const along = own?.task ? [{ task: own.task, form: own.form, skipped: own.skipped, response: own.response }, ...own.taken_along] : [];
    const parts = along.flatMap(({ task, form, skipped, response }): Part[] => {
      if (!form) return [];
      const answers = without({ ...response?.answers, ...saved[task.id], ...unsaved[task.id] });
      const asked = openQuestions(form.items, answers).filter((item) => !(item.link_id in skipped));
      const missing = missingQuestions(form.items, answers, { ...response?.skipped, ...skipped });
      return [{ task, form, skipped, answers, open: asked, missing }];
    });
    const speaker = own?.speaker ?? "unknown";
    return { own, parts, identified: speaker === "patient" || speaker === "relative", relative: speaker === "relative" };
  }, [own, saved, unsaved]);
}

function without(answers: Record<string, boolean | number | string | null>): Answers {
  return Object.fromEntries(Object.entries(answers).filter(([, value]) => value !== null)) as Answers;
}
