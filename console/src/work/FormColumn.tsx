// What to say and what to ask, while talking: the script, who is on the line, the questions, the note's words.
import { CheckCircleFilled, CloudUploadOutlined, WarningFilled } from "@ant-design/icons";
import { Button, Input } from "antd";
import { useEffect, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { IN_CALL, useCall } from "@/calls/call";
import { shownKeys } from "@/keyboard/commands";
import { useCommand } from "@/keyboard/useCommand";
import { clockWithSeconds } from "@/shown/instants";
import { said } from "@/words";
import { draft, keep } from "./draft";
import { useHand, type Hand, type Own } from "./hand";
import { IdentityGate } from "./IdentityGate";
import { focusOn, focusOnForm, FORM, isBusyElsewhere, NOTES } from "./places";
import { PreviewCard } from "./PreviewCard";
import { Questions } from "./Questions";
import { speaking } from "./speaking";

interface Props {
  onRelative: () => void;
  onRequest: () => void;
  empty: ReactNode;
}

export function FormColumn({ onRelative, onRequest, empty }: Props) {
  const { t } = useTranslation("work");
  const { own, phase } = useCall();
  const hand = useHand();
  useCommand("focus_form", focusOnForm);
  useCommand("focus_notes", () => focusOn(NOTES));
  const begun = IN_CALL.has(phase) || phase === "wrap_up" || phase === "ending";
  // Who is on the line is asked by keys from the first word on; nothing is taken from a field that somebody types in.
  const answered = phase === "talking";
  useEffect(() => {
    if (answered && !isBusyElsewhere()) focusOnForm();
  }, [answered, hand.identified]);
  return (
    <section id={FORM} className="work-column form" aria-label={t("form.title")} tabIndex={-1}>
      {phase === "none" || phase === "consulted" ? (
        empty
      ) : phase === "preview" ? (
        <PreviewCard own={own!} />
      ) : begun ? (
        <InCall own={own!} hand={hand} onRelative={onRelative} onRequest={onRequest} />
      ) : null}
    </section>
  );
}

function InCall({ own, hand, onRelative, onRequest }: { own: Own; hand: Hand } & Omit<Props, "empty">) {
  const { t } = useTranslation("work");
  const answered = hand.parts.reduce((sum, part) => sum + part.open.filter((item) => part.answers[item.link_id] !== undefined).length, 0);
  const open = hand.parts.reduce((sum, part) => sum + part.open.length, 0);
  const missing = hand.parts.reduce((sum, part) => sum + part.missing.length, 0);
  return (
    <>
      <header>
        <h2>{said(own.form?.title as { zh: string; en: string } | undefined) || t("form.title")}</h2>
        {hand.identified && open > 0 && <span className="progress">{t("form.progress", { answered, open, missing })}</span>}
        <Saved />
        <RelativeKey run={onRelative} />
        <RequestKey run={onRequest} />
      </header>
      <div className="asked">
        <Script own={own} identified={hand.identified} />
        <IdentityGate own={own} onRelative={onRelative} />
        {hand.identified && hand.parts.map((part, place) => <Questions key={part.task.id} part={part} along={place > 0} />)}
        {hand.identified && hand.parts.length === 0 && <p className="hint">{t("form.none")}</p>}
      </div>
      <Notes />
    </>
  );
}

function RelativeKey({ run }: { run: () => void }) {
  const { t } = useTranslation("work");
  const keys = useCommand("relative_on_the_line", run);
  return (
    <Button size="small" onClick={run} aria-keyshortcuts={keys}>
      {t("relative.key")} <kbd className="keys">{shownKeys(keys)}</kbd>
    </Button>
  );
}

function RequestKey({ run }: { run: () => void }) {
  const { t } = useTranslation("work");
  const keys = useCommand("new_request", run);
  return (
    <Button size="small" onClick={run} aria-keyshortcuts={keys}>
      {t("request.key")} <kbd className="keys">{shownKeys(keys)}</kbd>
    </Button>
  );
}

/** What to say first; once it is known who speaks, the opening has been said. */
function Script({ own, identified }: { own: Own; identified: boolean }) {
  const who = speaking();
  // Once it is somebody else, only the neutral sentence is said.
  const neutral = who.neutral && who.attemptId === own.attempt?.id;
  if (!own.script || identified || neutral) return null;
  const lines = own.script.lines.filter((line) => line.key !== "somebody_else");
  return (
    <div className="script">
      {lines.map((line) => (
        <p key={line.key}>{said(line.text)}</p>
      ))}
    </div>
  );
}

function Saved() {
  const { t } = useTranslation("work");
  const { savedAt, failing, unsaved } = draft();
  const waiting = Object.values(unsaved).reduce((sum, task) => sum + Object.keys(task).length, 0);
  if (failing) {
    return (
      <span className="saved amber" role="status">
        <WarningFilled aria-hidden /> {t("form.not_saved", { count: waiting })}
      </span>
    );
  }
  if (waiting > 0) {
    return (
      <span className="saved">
        <CloudUploadOutlined aria-hidden /> {t("form.saving")}
      </span>
    );
  }
  if (savedAt === null) return null;
  return (
    <span className="saved good">
      <CheckCircleFilled aria-hidden /> {t("form.saved", { time: clockWithSeconds(new Date(savedAt)) })}
    </span>
  );
}

function Notes() {
  const { t } = useTranslation("work");
  const note = draft((state) => state.note);
  return (
    <label className="notes" htmlFor={NOTES}>
      <span>{t("form.notes")}</span>
      <Input.TextArea
        id={NOTES}
        value={note}
        maxLength={10_000}
        rows={1}
        className="grows"
        placeholder={t("form.notes_hint")}
        onChange={(event) => keep({ note: event.target.value })}
      />
    </label>
  );
}
