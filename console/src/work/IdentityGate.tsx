// Who is on the line: each fact is heard and marked right or wrong by its key; enough right ones open the record.
import { CheckOutlined, CloseOutlined, SafetyOutlined, StopOutlined } from "@ant-design/icons";
import { App, Button } from "antd";
import { useEffect, useRef, useState, type KeyboardEvent } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { lookAtCall } from "@/calls/call";
import { KeyButton } from "@/keyboard/KeyButton";
import { sayPolitely } from "@/shown/said_aloud";
import { said } from "@/words";
import { draft, keep } from "./draft";
import type { Own } from "./hand";
import { focusOnForm, isBusyElsewhere } from "./places";
import { speaking } from "./speaking";
import { useTold } from "./told";

type Check = Shape["IdentityCheck"];
type Mark = "right" | "wrong" | undefined;

const LIMIT = 2;

export function IdentityGate({ own, onRelative }: { own: Own; onRelative: () => void }) {
  const { t } = useTranslation("work");
  const attemptId = own.attempt!.id;
  const state = own.attempt!.state;
  const needed = $api.useQuery(
    "get",
    "/api/v1/attempts/{attempt_id}/identity",
    { params: { path: { attempt_id: attemptId } } },
    { staleTime: Infinity, enabled: state === "in_call" || state === "wrap_up" },
  );
  const who = speaking();
  const proxy = who.attemptId === attemptId ? who.relative : null;
  if (own.speaker === "patient" || own.speaker === "relative") {
    return (
      <p className="identity passed">
        <SafetyOutlined aria-hidden /> {own.speaker === "patient" ? t("identity.passed") : t("identity.passed_relative", { matters: own.may_be_told.map((one) => t(`matters.${one}`)).join(", ") || t("relative.nothing") })}
      </p>
    );
  }
  if (!needed.data) return null;
  const neutral = who.attemptId === attemptId && who.neutral;
  if (neutral || needed.data.failures >= LIMIT) return <Neutral own={own} failed={needed.data.failures >= LIMIT} />;
  return <Checks key={`${attemptId}-${needed.data.failures}`} attemptId={attemptId} needed={needed.data} proxy={proxy} onRelative={onRelative} refetch={() => void needed.refetch()} inCall={state === "in_call"} />;
}

interface ChecksProps {
  attemptId: string;
  needed: Shape["NeededAnswer"];
  proxy: { id: string | null; name: string } | null;
  onRelative: () => void;
  refetch: () => void;
  inCall: boolean;
}

function Checks({ attemptId, needed, proxy, onRelative, refetch, inCall }: ChecksProps) {
  const { t } = useTranslation("work");
  const { message } = App.useApp();
  const told = useTold();
  const [marks, setMarks] = useState<Partial<Record<Check, Mark>>>({});
  const checks: Check[] = [...needed.every, ...needed.some];
  const box = useRef<HTMLElement>(null);
  useEffect(() => {
    if (inCall && !isBusyElsewhere()) box.current?.focus();
  }, [inCall]);
  const right = checks.filter((check) => marks[check] === "right");
  const wrong = checks.filter((check) => marks[check] === "wrong");
  const enough = needed.every.every((check) => marks[check] === "right") && needed.some.filter((check) => marks[check] === "right").length >= needed.count;
  const send = $api.useMutation("post", "/api/v1/attempts/{attempt_id}/identity", {
    onSuccess: (answer) => {
      if (answer.confirmed && answer.speaker !== "unknown") sayPolitely(t("identity.passed"));
      else if (answer.close_neutrally) sayPolitely(t("identity.neutral"));
      else void message.warning(t("identity.once_more"));
      void lookAtCall().then(() => requestAnimationFrame(focusOnForm));
      refetch();
    },
    onError: told,
  });
  const submit = (identifiers: Check[], failed: Check[]) =>
    send.mutate({
      params: { path: { attempt_id: attemptId } },
      body: { person: proxy ? "proxy" : "patient", identifiers, failed, relative_id: proxy?.id ?? null },
    });
  const mark = (check: Check | undefined) => {
    if (!check || send.isPending) return;
    const next: Mark = marks[check] === undefined ? "right" : marks[check] === "right" ? "wrong" : undefined;
    const all = { ...marks, [check]: next };
    setMarks(all);
    const passed = checks.filter((each) => all[each] === "right");
    const met = needed.every.every((each) => all[each] === "right") && needed.some.filter((each) => all[each] === "right").length >= needed.count;
    if (met) submit(passed, checks.filter((each) => all[each] === "wrong"));
  };
  const onKey = (event: KeyboardEvent<HTMLElement>) => {
    if (event.nativeEvent.isComposing || event.altKey || event.ctrlKey || event.metaKey) return;
    const digit = /^(?:Digit|Numpad)([1-9])$/.exec(event.code)?.[1];
    if (digit) mark(checks[Number(digit) - 1]);
    else if (event.key === "Enter" && event.target === event.currentTarget && wrong.length > 0) submit(right, wrong);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const wanted = needed.every.length > 0 && needed.count > 0 ? t("identity.every_and", { every: needed.every.map((each) => t(`checks.${each}`)).join(", "), count: needed.count }) : needed.count > 0 ? t("identity.some", { count: needed.count, all: needed.some.length }) : t("identity.every");
  return (
    // The checks answer to digits as a whole.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions, jsx-a11y/no-noninteractive-tabindex
    <section ref={box} className="identity" aria-label={t("identity.title")} tabIndex={0} data-waits="true" onKeyDown={onKey}>
      <h3>
        <SafetyOutlined aria-hidden /> {proxy ? t("identity.title_relative", { name: proxy.name }) : t("identity.title")} <small>{wanted}</small>
        {needed.failures > 0 && <small className="outside"> {t("identity.failures", { count: needed.failures })}</small>}
      </h3>
      <div className="checks">
        {checks.map((check, place) => (
          <Button
            key={check}
            className={`check ${marks[check] ?? ""}`}
            aria-pressed={marks[check] === "right" ? "true" : marks[check] === "wrong" ? "mixed" : "false"}
            icon={marks[check] === "right" ? <CheckOutlined /> : marks[check] === "wrong" ? <CloseOutlined /> : undefined}
            onClick={() => mark(check)}
          >
            <kbd>{place + 1}</kbd> {t(`checks.${check}`)} {needed.compare[check] && <strong>{needed.compare[check]}</strong>}
            {marks[check] && <span className="for-readers">{t(`identity.${marks[check]}`)}</span>}
          </Button>
        ))}
        {wrong.length > 0 && !enough && (
          <Button type="primary" danger loading={send.isPending} onClick={() => submit(right, wrong)}>
            {t("identity.send_wrong")} <kbd className="keys">Enter</kbd>
          </Button>
        )}
      </div>
      <p className="quiet">{t("identity.help")}</p>
      <div className="others">
        <Button size="small" onClick={onRelative}>
          {t("relative.key")}
        </Button>
        <KeyButton size="small" command="wrong_person" icon={<StopOutlined />} onRun={() => speaking.setState({ attemptId, relative: null, neutral: true })}>
          {t("identity.wrong_person")}
        </KeyButton>
      </div>
    </section>
  );
}

/** Somebody else: nothing of the patient is said; the sentence to close with stands in his language. */
function Neutral({ own, failed }: { own: Own; failed: boolean }) {
  const { t } = useTranslation("work");
  const line = own.script?.lines.find((each) => each.key === "somebody_else");
  const attemptId = own.attempt!.id;
  useEffect(() => {
    if (draft.getState().choice === null) keep({ choice: "wrong_person" });
    speaking.setState({ attemptId, neutral: true });
  }, [attemptId]);
  return (
    <section className="identity neutral" role="alert">
      <h3>
        <StopOutlined aria-hidden /> {failed ? t("identity.failed") : t("identity.somebody_else")}
      </h3>
      <p className="script-line">{line ? said(line.text) : t("identity.neutral")}</p>
      <p className="quiet">{t("identity.neutral_help")}</p>
      {!failed && (
        <Button size="small" onClick={() => speaking.setState({ neutral: false })}>
          {t("identity.back")}
        </Button>
      )}
    </section>
  );
}
