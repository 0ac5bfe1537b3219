// A second person's decision on an appeal: the score stays, or is marked anew.
import { useQueryClient } from "@tanstack/react-query";
import { App, Alert, Button, Checkbox, Input } from "antd";
import { useState, type RefObject } from "react";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import type { RecordingControl } from "@/recordings/RecordingPlayer";
import { ProblemNote } from "@/shown/ProblemNote";
import { CardFields } from "./CardFields";
import { figure } from "./figures";
import type { FullScore } from "./ScorePage";
import { stale } from "./stale";
import { asked, marksOf, total } from "./total";
import "./words";

interface Props {
  score: FullScore;
  player: RefObject<RecordingControl | null>;
  mayDecide: boolean;
}

export function AppealDecision({ score, player, mayDecide }: Props) {
  const { t } = useTranslation("quality");
  const { message } = App.useApp();
  const queries = useQueryClient();
  const [text, setText] = useState("");
  const [anew, setAnew] = useState(false);
  const [marks, setMarks] = useState(() => marksOf(score.marks));
  const decide = $api.useMutation("post", "/api/v1/quality/scores/{score_id}/decision", {
    onSuccess: () => {
      void message.success(t(anew ? "score.changed" : "score.upheld"));
      void stale(queries);
    },
  });
  if (!mayDecide) return <Alert type="info" showIcon title={t("score.not_by_grader")} style={{ marginTop: 12 }} />;
  const now = total(score.card_items, marks);
  const ready = text.trim() !== "" && (!anew || (now.open.length === 0 && now.bare.length === 0));
  return (
    <>
      <h2>{t("score.decide")}</h2>
      <Checkbox checked={anew} onChange={(event) => setAnew(event.target.checked)}>
        {t("score.change_marks")}
      </Checkbox>
      {anew && <CardFields items={score.card_items} marks={marks} player={player} onChange={setMarks} />}
      <label htmlFor="decision-text">{t("score.decision_text")}</label>
      <Input.TextArea id="decision-text" rows={3} maxLength={2000} value={text} onChange={(event) => setText(event.target.value)} />
      {decide.error !== null && <ProblemNote problem={decide.error} />}
      <div className="quality-total">
        {anew && (
          <span>
            {t("score.total")} <strong>{figure(now.value)}</strong>
          </span>
        )}
        <Button
          type="primary"
          disabled={!ready}
          loading={decide.isPending}
          onClick={() => decide.mutate({ params: { path: { score_id: score.id } }, body: { text, marks: anew ? asked(marks) : null } })}
        >
          {t(anew ? "score.change" : "score.uphold")}
        </Button>
      </div>
    </>
  );
}
