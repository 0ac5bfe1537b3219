// The wrap-up in the call bar: what came of the call by one key, the next date, the note's signature; nothing goes by itself.
import { CheckOutlined, UndoOutlined, WarningFilled } from "@ant-design/icons";
import { App, Button, Checkbox, Input } from "antd";
import { useEffect, useRef, useState, type KeyboardEvent } from "react";
import { useTranslation } from "react-i18next";
import { inWords } from "@/api/problem";
import { useCall } from "@/calls/call";
import { shownKeys } from "@/keyboard/commands";
import { KeyButton } from "@/keyboard/KeyButton";
import { useCommand } from "@/keyboard/useCommand";
import { day, span } from "@/shown/instants";
import { draft, keep, takeUp } from "./draft";
import { useHand, type Own } from "./hand";
import { instantOf, typed } from "./hospital_time";
import { asked, CHOICES, choiceOf, GRAVE, keyOf, proposed, type Choice } from "./outcomes";
import { focusOnForm, isBusyElsewhere } from "./places";
import { useSecondsUntil } from "./Remaining";
import { sendNow, submission, submit, takeBack } from "./wrapping_up";
import "./words";
import "./work.css";

const MORE_SECONDS = 60;

export default function WrapUpStrip() {
  const { own, phase } = useCall();
  if (phase !== "wrap_up" || !own?.attempt) return null;
  return <Strip key={own.attempt.id} own={own} attempt={own.attempt} />;
}

function Strip({ own, attempt }: { own: Own; attempt: NonNullable<Own["attempt"]> }) {
  const { t } = useTranslation("work");
  const { message } = App.useApp();
  const hand = useHand();
  const { choice, spokeWith, callBackAt, note, extraSeconds } = draft();
  const sent = submission();
  const [asking, setAsking] = useState<"grave" | "partial" | null>(null);
  const [sign, setSign] = useState(true);
  const box = useRef<HTMLDivElement>(null);
  const missing = hand.parts.flatMap((part) => part.missing);
  const answered = hand.parts.reduce((sum, part) => sum + Object.keys(part.answers).length, 0);
  const busy = sent.attemptId === attempt.id;

  useEffect(() => void takeUp(attempt.id), [attempt.id]);
  useEffect(() => {
    if (!isBusyElsewhere()) box.current?.focus();
  }, []);
  const first = proposed({ failures: 0, identified: hand.identified, missing: missing.length, answered });
  useEffect(() => {
    if (draft.getState().choice === null && first !== null) keep({ choice: first });
    // What is proposed once is hers from then on.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, []);

  const choose = (chosen: Choice | undefined) => {
    if (!chosen || busy) return;
    setAsking(null);
    keep({ choice: chosen, callBackAt: chosen === "call_back" ? (callBackAt ?? own.call_back_at) : callBackAt });
  };
  const done = (outcome: Choice) => (_: unknown, signed: boolean) =>
    void message.success(t(signed ? "wrap_up.done_signed" : "wrap_up.done", { outcome: t(`choices.${outcome}`) }));
  const onSubmit = () => {
    if (busy && sent.until !== null) return void sendNow(done(choice!));
    if (busy) return;
    if (choice === null) {
      box.current?.focus();
      return void message.warning(t("wrap_up.choose"));
    }
    if (choice === "call_back" && callBackAt === null) return void message.warning(t("wrap_up.name_hour"));
    if (GRAVE.has(choice) && asking !== "grave") return setAsking("grave");
    const partial = choice === "completed" && missing.length > 0;
    if (partial && asking !== "partial") return setAsking("partial");
    setAsking(null);
    const along = own.taken_along.map((each) => each.task.id);
    submit(attempt.id, asked({ choice, relative: hand.relative, spokeWith, callBackAt, note, partial, along }), sign, done(choice));
  };
  useCommand("focus_outcome", () => box.current?.focus());
  const submitKeys = shownKeys(useCommand("submit_and_next", onSubmit));
  const onKey = (event: KeyboardEvent<HTMLElement>) => {
    if (event.target instanceof HTMLInputElement || event.nativeEvent.isComposing || event.altKey || event.ctrlKey) return;
    const digit = /^(?:Digit|Numpad)(\d)$/.exec(event.code)?.[1];
    if (digit) choose(choiceOf(digit));
    else if (event.key === "Escape" && asking) setAsking(null);
    else return;
    event.preventDefault();
  };
  return (
    // Digits choose the outcome wherever the focus stands in the strip.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions, jsx-a11y/no-noninteractive-tabindex
    <div ref={box} className="wrap-up" role="group" aria-label={t("wrap_up.title")} tabIndex={0} onKeyDown={onKey}>
      <div className="choices" role="radiogroup" aria-label={t("wrap_up.outcome")}>
        {CHOICES.map((each) => (
          <button key={each} type="button" role="radio" aria-checked={each === choice} disabled={busy} className={`choice${GRAVE.has(each) ? " grave" : ""}`} onClick={() => choose(each)}>
            <kbd>{keyOf(each)}</kbd>
            {t(`choices.${each}`)}
          </button>
        ))}
      </div>
      <div className="rest">
        <Clock attempt={attempt} seconds={(own.queue?.wrap_up_seconds ?? 90) + extraSeconds} />
        <KeyButton size="small" command="extend_wrap_up" disabled={busy} onRun={() => keep({ extraSeconds: extraSeconds + MORE_SECONDS })}>
          {t("wrap_up.more_time")}
        </KeyButton>
        {choice === "call_back" && (
          <label>
            {t("wrap_up.call_back_at")}{" "}
            <Input
              size="small"
              type="datetime-local"
              className="hour"
              disabled={busy}
              value={callBackAt ? typed(callBackAt) : ""}
              onChange={(event) => keep({ callBackAt: instantOf(event.target.value) })}
            />
          </label>
        )}
        {hand.relative && (
          <label>
            {t("wrap_up.spoke_with")}{" "}
            <Input size="small" className="who-spoke" maxLength={60} disabled={busy} value={spokeWith} onChange={(event) => keep({ spokeWith: event.target.value })} />
          </label>
        )}
        {own.glance?.plan?.next[0] && choice !== "call_back" && choice !== "deceased" && (
          <span className="quiet">{t("wrap_up.next_contact", { day: day(own.glance.plan.next[0].target_at) })}</span>
        )}
        <Checkbox checked={sign} disabled={busy} onChange={(event) => setSign(event.target.checked)}>
          {t("wrap_up.sign")}
        </Checkbox>
        <Button type="primary" size="small" icon={<CheckOutlined />} loading={busy && sent.until === null} aria-keyshortcuts={submitKeys.replace("Ctrl", "Control")} onClick={onSubmit}>
          {busy && sent.until !== null ? t("wrap_up.send_now") : t("wrap_up.submit")} <kbd className="keys">{submitKeys}</kbd>
        </Button>
        {busy && sent.until !== null && <TakeBack until={sent.until} outcome={choice} />}
        {asking === "grave" && choice && <Sure text={t(`wrap_up.sure_${choice as "refused"}`, { keys: submitKeys })} />}
        {asking === "partial" && (
          <Sure
            text={t("wrap_up.sure_partial", { count: missing.length, keys: submitKeys })}
            onBack={() => {
              setAsking(null);
              focusOnForm();
            }}
          />
        )}
        {sent.offline && <Sure text={t("wrap_up.offline")} />}
        {sent.problem !== null && <Refused problem={sent.problem} />}
      </div>
    </div>
  );
}

function Clock({ attempt, seconds }: { attempt: NonNullable<Own["attempt"]>; seconds: number }) {
  const { t } = useTranslation("work");
  const until = attempt.wrap_up_at ? new Date(Date.parse(attempt.wrap_up_at) + seconds * 1000).toISOString() : null;
  const left = useSecondsUntil(until);
  if (left === null) return null;
  return (
    <span className={left < 0 ? "clock late" : left < 15 ? "clock near" : "clock"}>
      {left < 0 ? (
        <>
          <WarningFilled aria-hidden /> {t("wrap_up.over", { time: span(-left) })}
        </>
      ) : (
        t("wrap_up.left", { time: span(left) })
      )}
    </span>
  );
}

function TakeBack({ until, outcome }: { until: number; outcome: Choice | null }) {
  const { t } = useTranslation("work");
  const left = useSecondsUntil(new Date(until).toISOString()) ?? 0;
  return (
    <span className="take-back" role="status">
      {outcome && t("wrap_up.sending", { outcome: t(`choices.${outcome}`) })} {Math.max(0, left)} s{" "}
      <KeyButton size="small" command="undo" icon={<UndoOutlined />} onRun={takeBack}>
        {t("wrap_up.undo")}
      </KeyButton>
    </span>
  );
}

function Sure({ text, onBack }: { text: string; onBack?: () => void }) {
  const { t } = useTranslation("work");
  return (
    <span className="sure" role="alert">
      <WarningFilled aria-hidden /> {text}
      {onBack && (
        <Button size="small" type="link" onClick={onBack}>
          {t("wrap_up.to_questions")}
        </Button>
      )}
    </span>
  );
}

function Refused({ problem }: { problem: unknown }) {
  const { title, detail } = inWords(problem);
  return (
    <span className="sure" role="alert">
      <WarningFilled aria-hidden /> {title} {detail && <span lang="en">{detail}</span>}
    </span>
  );
}
