// Where the keys take the focus on the page: its columns, the form's questions, the note.
export const QUEUE = "work-queue";
export const RECORD = "work-record";
export const FORM = "work-form";
export const NOTES = "work-notes";

export function focusOn(id: string): void {
  document.getElementById(id)?.focus();
}

/** The first thing in the form that waits for a key: an identity check, an open question, the form itself. */
export function focusOnForm(): void {
  const form = document.getElementById(FORM);
  const waiting = form?.querySelector<HTMLElement>("[data-waits=true]") ?? form?.querySelector<HTMLElement>("[data-question]");
  (waiting ?? form)?.focus();
}

/** The question after (or before) this one, as they stand on the page. */
export function focusBeside(from: HTMLElement, step: 1 | -1): void {
  const all = [...document.querySelectorAll<HTMLElement>(`#${FORM} [data-question]`)];
  const here = all.findIndex((each) => each === from || each.contains(from));
  const next = all[here + step];
  if (next) {
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  } else if (step === 1) {
    focusOn(NOTES);
  }
}

/** Whether somebody types, or a dialog is open: then the focus stays where it is. */
export function isBusyElsewhere(): boolean {
  const at = document.activeElement;
  return at instanceof HTMLInputElement || at instanceof HTMLTextAreaElement || at?.closest("[role=dialog]") != null;
}
