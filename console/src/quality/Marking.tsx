// A grader's own draft: every mark is saved by itself, and given when all items have one.
import { useQueryClient } from "@tanstack/react-query";
import { App, Button, Input } from "antd";
import { useEffect, useRef, useState, type RefObject } from "react";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import type { RecordingControl } from "@/recordings/RecordingPlayer";
import { clockWithSeconds } from "@/shown/instants";
import { ProblemNote } from "@/shown/ProblemNote";
import { language, said } from "@/words";
import { CardFields } from "./CardFields";
import { figure } from "./figures";
import type { FullScore } from "./ScorePage";
import { stale } from "./stale";
import { asked, marksOf, total, type Marks } from "./total";
import "./words";

const SAVED_AFTER_MS = 800;
const AGAIN_AFTER_MS = 5000;

interface Draft {
  marks: Marks;
  remark: string;
}

export function Marking({ score, player }: { score: FullScore; player: RefObject<RecordingControl | null> }) {
  const { t } = useTranslation("quality");
  const { message } = App.useApp();
  const queries = useQueryClient();
  const [draft, setDraft] = useState<Draft>(() => ({ marks: marksOf(score.marks), remark: score.remark }));
  const kept = useRef(draft);
  const path = { params: { path: { score_id: score.id } } };
  const save = $api.useMutation("put", "/api/v1/quality/scores/{score_id}");
  const give = $api.useMutation("post", "/api/v1/quality/scores/{score_id}/give", {
    onSuccess: () => {
      void message.success(t(score.round_id ? "score.given_round" : "score.given"));
      void stale(queries);
    },
  });
  const { mutateAsync: saveNow } = save;
  useEffect(() => {
    if (kept.current === draft) return undefined;
    const scoreId = score.id;
    const timer = setTimeout(
      () => {
        saveNow({ params: { path: { score_id: scoreId } }, body: { marks: asked(draft.marks), remark: draft.remark } }).then(
          () => (kept.current = draft),
          () => setTimeout(() => setDraft((last) => (last === draft ? { ...last } : last)), AGAIN_AFTER_MS),
        );
      },
      SAVED_AFTER_MS,
    );
    return () => clearTimeout(timer);
  }, [draft, saveNow, score.id]);
  const now = total(score.card_items, draft.marks);
  const names = (codes: readonly string[]) =>
    codes.map((code) => said(score.card_items.find((item) => item.code === code)?.title)).join(language() === "zh" ? "、" : ", ");
  const submit = async () => {
    await saveNow({ ...path, body: { marks: asked(draft.marks), remark: draft.remark } });
    kept.current = draft;
    give.mutate(path);
  };
  return (
    <>
      <CardFields items={score.card_items} marks={draft.marks} player={player} onChange={(marks) => setDraft({ ...draft, marks })} />
      <label htmlFor="whole-remark">{t("score.whole_remark")}</label>
      <Input.TextArea id="whole-remark" rows={2} maxLength={10_000} value={draft.remark} onChange={(event) => setDraft({ ...draft, remark: event.target.value })} />
      {give.error !== null && <ProblemNote problem={give.error} />}
      {save.error !== null && <ProblemNote problem={save.error} />}
      <div className="quality-total">
        <span>
          {t("score.total")} <strong>{now.open.length === score.card_items.length ? "–" : figure(now.value)}</strong>
        </span>
        <span className="quality-quiet" role="status">
          {save.isPending ? t("score.saving") : save.error !== null ? t("score.not_saved") : save.data ? t("score.saved", { at: clockWithSeconds(save.data.changed_at) }) : ""}
        </span>
        <span>
          {now.open.length > 0 && t("score.still_open", { count: now.open.length })}
          {now.open.length === 0 && now.bare.length > 0 && t("score.evidence_missing", { items: names(now.bare) })}
        </span>
        <Button type="primary" disabled={now.open.length > 0 || now.bare.length > 0} loading={give.isPending} onClick={() => void submit()}>
          {t("score.give")}
        </Button>
      </div>
    </>
  );
}
