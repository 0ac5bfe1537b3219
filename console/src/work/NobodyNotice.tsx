// Nobody was reached: what the system has noted and decided stands here for three seconds; Z takes it back; nothing has to be pressed.
import { PhoneOutlined, UndoOutlined } from "@ant-design/icons";
import { App } from "antd";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { useCall } from "@/calls/call";
import type { Phase } from "@/calls/phase";
import { KeyButton } from "@/keyboard/KeyButton";
import { dayAndClock } from "@/shown/instants";
import { sayPolitely } from "@/shown/said_aloud";
import { said } from "@/words";
import { useTold } from "./told";

const SHOWN_MS = 3000;
const ASK_MS = 500; // the decision follows the call's end by a moment
const ON_THE_LINE: ReadonlySet<Phase> = new Set<Phase>(["dialing", "ringing", "talking", "held", "ending"]);

/** The attempt that has just ended without a wrap-up, while it is shown. */
export function NobodyNotice() {
  const { attempt, phase } = useCall();
  const before = useRef<{ id: string; phase: Phase } | null>(null);
  const [ended, setEnded] = useState<string | null>(null);
  useEffect(() => {
    const was = before.current;
    if (was && was.id !== attempt?.id && ON_THE_LINE.has(was.phase)) setEnded(was.id);
    before.current = attempt ? { id: attempt.id, phase } : null;
  }, [attempt, phase]);
  return ended ? <Notice key={ended} attemptId={ended} onOver={() => setEnded(null)} /> : null;
}

function Notice({ attemptId, onOver }: { attemptId: string; onOver: () => void }) {
  const { t } = useTranslation("work");
  const { message } = App.useApp();
  const told = useTold();
  const params = { path: { attempt_id: attemptId } };
  const attempt = $api.useQuery("get", "/api/v1/attempts/{attempt_id}", { params });
  const decisions = $api.useQuery("get", "/api/v1/attempts/{attempt_id}/decisions", { params }, {
    refetchInterval: ({ state }) => (state.data?.decisions.length ? false : ASK_MS),
  });
  const undo = $api.useMutation("post", "/api/v1/attempts/{attempt_id}/undo-decision", {
    onSuccess: () => void message.success(t("nobody.undone")),
    onError: told,
    onSettled: onOver,
  });
  const outcome = attempt.data?.outcome;
  const decided = decisions.data?.decisions[0];
  const systems = attempt.data ? attempt.data.outcome_by === null && attempt.data.skipped === null : undefined;
  const over = useRef(onOver);
  useEffect(() => {
    over.current = onOver;
  });
  useEffect(() => {
    if (systems === false) over.current();
  }, [systems]);
  const ready = outcome != null && decided !== undefined;
  const pending = undo.isPending;
  useEffect(() => {
    if (!ready || pending) return undefined;
    sayPolitely(`${t("nobody.title")}: ${t(`outcomes.${outcome}`)}`);
    const timer = setTimeout(() => over.current(), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [ready, pending, outcome, t]);
  if (!outcome || !systems) return null;
  return (
    <div className="nobody" role="status">
      <PhoneOutlined aria-hidden />
      <strong>{t(`outcomes.${outcome}`)}</strong>
      {decided && (
        <>
          <span>{t(`next.${decided.action}`)}</span>
          {decided.next_at && <span>{dayAndClock(decided.next_at)}</span>}
          <span className="quiet">{said(decided.words)}</span>
          <KeyButton size="small" command="undo" icon={<UndoOutlined />} loading={undo.isPending} onRun={() => undo.mutate({ params, body: { reason: t("nobody.reason") } })}>
            {t("nobody.undo")}
          </KeyButton>
          <span key={decided.id} className="passing" aria-hidden />
        </>
      )}
    </div>
  );
}
