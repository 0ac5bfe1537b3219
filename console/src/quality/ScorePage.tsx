// One score: the recording at the left, the card at the right. A grader marks, an agent answers, a second person decides.
import { Link, useParams } from "@tanstack/react-router";
import { Alert, Timeline } from "antd";
import { useMemo, useRef } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { useHasRole, useMe } from "@/api/me";
import { RecordingPlayer, type RecordingControl } from "@/recordings/RecordingPlayer";
import { dayAndClock } from "@/shown/instants";
import { Loaded } from "@/shown/Loaded";
import { said } from "@/words";
import { AppealDecision } from "./AppealDecision";
import { CardReading } from "./CardReading";
import { Marking } from "./Marking";
import { OwnAnswer } from "./OwnAnswer";
import { ScoreValue, StateTag } from "./ScoreValue";
import "./style.css";
import "./words";

export type FullScore = Shape["FullQualityScoreAnswer"];

export default function ScorePage() {
  const { scoreId } = useParams({ strict: false }) as { scoreId: string };
  const query = $api.useQuery("get", "/api/v1/quality/scores/{score_id}", { params: { path: { score_id: scoreId } } });
  return <Loaded query={query}>{(score) => <Sheet key={score.id} score={score} />}</Loaded>;
}

function Sheet({ score }: { score: FullScore }) {
  const { t } = useTranslation("quality");
  const me = useMe().data?.user_id;
  const oversees = useHasRole("supervisor");
  const player = useRef<RecordingControl>(null);
  const evidence = useMemo(
    () =>
      score.marks
        .filter((mark) => mark.at_second !== null)
        .map((mark) => {
          const item = score.card_items.find((each) => each.code === mark.item);
          return { second: mark.at_second!, kind: "evidence" as const, words: item ? said(item.title) : mark.item };
        }),
    [score],
  );
  const mine = score.agent_id === me;
  const grading = score.grader_id === me && score.state === "draft";
  const back = score.round_id ? `/quality/rounds/${score.round_id}` : "/quality/scores";
  return (
    <section className="quality-sheet" aria-labelledby="score-title">
      <header>
        <Link to={back}>{t(score.round_id ? "score.back_round" : "score.back")}</Link>
        <h1 id="score-title">{t("score.of_call", { agent: score.agent_name, at: dayAndClock(score.call_at) })}</h1>
        <span className="quality-quiet">
          {said(score.card_title)} · {t("score.by", { name: score.grader_name })}{" "}
        </span>
        <StateTag state={score.state} /> <ScoreValue score={score} />
        {score.round_id && grading && <Alert type="info" showIcon title={t("score.blind")} />}
      </header>
      <div className="player-side quality-box">
        {score.recording_id ? (
          <RecordingPlayer key={score.recording_id} recordingId={score.recording_id} marks={evidence} ref={player} />
        ) : (
          <Alert type="info" showIcon title={t("score.no_recording")} />
        )}
      </div>
      <div className="card-side quality-box">
        {grading ? <Marking score={score} player={player} /> : <CardReading score={score} player={player} />}
        {mine && score.state === "given" && <OwnAnswer score={score} />}
        {score.appeal && (
          <Alert type="warning" showIcon title={t("score.appealed_because")} description={score.appeal} style={{ marginTop: 12 }} />
        )}
        {oversees && !mine && score.state === "appealed" && <AppealDecision score={score} player={player} mayDecide={score.grader_id !== me} />}
        {score.decision && <Alert type="info" showIcon title={t("score.decision")} description={score.decision} style={{ marginTop: 12 }} />}
        <h2>{t("score.story")}</h2>
        <Timeline
          items={score.story.map((line) => ({
            key: line.at,
            content: (
              <>
                {t(`score.story_kinds.${line.kind as "begun"}`)} · {line.user_name} · <span className="quality-number">{dayAndClock(line.at)}</span>
              </>
            ),
          }))}
        />
      </div>
    </section>
  );
}
