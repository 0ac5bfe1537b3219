// A recording for who may open the patient: player, transcript with corrections, and what stands beside the sound.
import { Link, useLocation, useSearch } from "@tanstack/react-router";
import { Alert, App, Button, Skeleton, Tabs } from "antd";
import { useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, queries, type Shape } from "@/api/client";
import { inWords, Problem } from "@/api/problem";
import { useCommand } from "@/keyboard/useCommand";
import { JudgeButton } from "@/quality/JudgeButton";
import { dayAndClock } from "@/shown/instants";
import { Loaded } from "@/shown/Loaded";
import { ProblemNote } from "@/shown/ProblemNote";
import { AccessLog } from "./AccessLog";
import { CallFacts } from "./CallFacts";
import { Comments } from "./Comments";
import { Player } from "./Player";
import { useListening, usePlayback } from "./playback";
import type { Moment } from "./RecordingPage";
import { shownTurns } from "./shown_turns";
import { TakeOut } from "./TakeOut";
import { Transcript, type ShownTurn } from "./Transcript";
import type { Mark } from "./Waveform";

const NO_TURNS: readonly ShownTurn[] = [];
const HEARD: readonly Shape["RecordingAnswer"]["state"][] = ["stored", "transcribed"];
const TRANSCRIPT = "/api/v1/recordings/{recording_id}/transcript";

export function OneRecording({ recordingId }: { recordingId: string }) {
  const { t } = useTranslation("recordings");
  const { message } = App.useApp();
  const { t: start = 0, hit, search } = useSearch({ strict: false }) as Moment;
  const { find = "" } = useLocation().state as { find?: string };
  const params = useMemo(() => ({ params: { path: { recording_id: recordingId } } }), [recordingId]);
  const facts = $api.useQuery("get", "/api/v1/recordings/{recording_id}/call", params);
  const recording = $api.useQuery("get", "/api/v1/recordings/{recording_id}", params);
  const peaks = $api.useQuery("get", "/api/v1/recordings/{recording_id}/peaks", params, { staleTime: Infinity });
  const transcript = $api.useQuery("get", TRANSCRIPT, params);
  const comments = $api.useQuery("get", "/api/v1/recordings/{recording_id}/comments", params);
  // That a hit was opened stands in the log, with the search that led to it.
  $api.useQuery(
    "get",
    "/api/v1/search-hits/{hit_id}",
    { params: { path: { hit_id: Number(hit) }, query: { search_id: search } } },
    { enabled: hit !== undefined, staleTime: Infinity, retry: false },
  );
  const correct = $api.useMutation("post", "/api/v1/recordings/{recording_id}/corrections");
  const playback = usePlayback(`/api/v1/recordings/${recordingId}/audio`);
  const [tab, setTab] = useState("facts");
  const [commenting, setCommenting] = useState<number | null>(null);
  const seconds = recording.data?.seconds ?? 0;
  useEffect(() => {
    if (seconds) playback.know(seconds);
    playback.seek(start);
  }, [playback, start, seconds]);
  const begin = () => {
    setCommenting(playback.state.getState().second);
    setTab("comments");
  };
  useCommand("comment", begin);

  const turns = useMemo(() => (transcript.data ? shownTurns(transcript.data.turns) : NO_TURNS), [transcript.data]);
  const marks = useMemo<Mark[]>(
    () => [
      ...(facts.data?.alerts ?? []).map((alert) => ({ second: alert.at_second, kind: "alert" as const, words: t(`levels.${alert.level}`) })),
      ...(comments.data?.comments ?? []).map((comment) => ({ second: comment.second, kind: "comment" as const, words: comment.words })),
    ],
    [facts.data, comments.data, t],
  );

  const saveCorrection = async (turn: number, words: string) => {
    const known = transcript.data;
    if (!known) return;
    try {
      await correct.mutateAsync({ ...params, body: { transcript_id: known.id, turn, words, after: known.turns[turn]?.corrections.at(-1)?.id ?? null } });
      void message.success(t("correction.saved"));
    } catch (problem) {
      const { title, detail } = inWords(problem);
      void message.error(problem instanceof Problem && problem.code === "not_possible_now" ? t("correction.changed") : `${title}: ${detail}`);
      throw problem;
    } finally {
      void queries.invalidateQueries({ queryKey: ["get", TRANSCRIPT] });
    }
  };

  if (facts.isPending || recording.isPending) return <Skeleton active paragraph={{ rows: 10 }} />;
  if (!facts.data || !recording.data) {
    const failed = facts.data ? recording : facts;
    return <ProblemNote problem={failed.error} retry={() => void failed.refetch()} />;
  }
  const { call } = facts.data;
  const playable = HEARD.includes(recording.data.state) || (recording.data.state === "failed" && recording.data.size !== null);
  return (
    <div className="one-recording">
      <div className="one-head">
        <h1 className="page-title">
          {call.patient_name} · {call.at ? dayAndClock(call.at) : ""}
        </h1>
        <Link to="/recordings">{t("one.all")}</Link>
        <span className="one-tools">
          <LinkToMoment playback={playback} />
          {call.attempt_id && <JudgeButton attemptId={call.attempt_id} />}
          {facts.data.may_download && <TakeOut recordingId={recordingId} playable={playable} hasTranscript={call.has_transcript} />}
        </span>
      </div>
      {playable ? (
        <Player playback={playback} seconds={seconds} peaks={peaks.data ?? null} turns={turns} marks={marks} />
      ) : (
        <Alert
          type={recording.data.state === "failed" ? "error" : "info"}
          showIcon
          title={t(`states.${recording.data.state}`)}
          description={
            <>
              {t(`states_about.${recording.data.state}`)} {call.gap && t(`gaps.${call.gap}`)}
              {recording.data.reason && (
                <span lang="en" className="list-quiet">
                  {" "}
                  {recording.data.reason}
                </span>
              )}
            </>
          }
        />
      )}
      <div className="one-columns">
        <Loaded query={transcript}>
          {(known) => (
            <Transcript
              playback={playback}
              turns={turns}
              find={find}
              correct={facts.data.may_correct ? saveCorrection : undefined}
              below={(turn) => known.turns[turn]?.corrections.length ? <Corrections turn={known.turns[turn]} /> : null}
            />
          )}
        </Loaded>
        <Tabs
          className="one-tabs"
          size="small"
          activeKey={tab}
          onChange={setTab}
          items={[
            { key: "facts", label: t("facts.title"), children: <CallFacts facts={facts.data} recording={recording.data} play={(second) => playback.playFrom(second)} /> },
            {
              key: "comments",
              label: t("comments.title", { count: comments.data?.comments.length ?? 0 }),
              children: (
                <Comments
                  recordingId={recordingId}
                  query={comments}
                  play={(second) => playback.playFrom(second)}
                  at={commenting}
                  begin={begin}
                  end={() => setCommenting(null)}
                />
              ),
            },
            ...(facts.data.may_see_accesses ? [{ key: "accesses", label: t("accesses.title"), children: <AccessLog recordingId={recordingId} /> }] : []),
          ]}
        />
      </div>
    </div>
  );
}

function LinkToMoment({ playback }: { playback: ReturnType<typeof usePlayback> }) {
  const { t } = useTranslation("recordings");
  const { message } = App.useApp();
  const second = useListening(playback, (now) => Math.floor(now.second));
  const copy = async () => {
    const address = new URL(location.pathname, location.origin);
    address.searchParams.set("t", String(second));
    try {
      await navigator.clipboard.writeText(address.href);
      void message.success(t("one.copied"));
    } catch {
      // Without a secure page there is no clipboard: the address is shown to be copied by hand.
      void message.info(address.href, 10);
    }
  };
  return <Button onClick={() => void copy()}>{t("one.link")}</Button>;
}

function Corrections({ turn }: { turn: Shape["TurnAnswer"] }) {
  const { t } = useTranslation("recordings");
  const last = turn.corrections.at(-1)!;
  return (
    <details>
      <summary>{t("correction.by", { name: last.by_name, at: dayAndClock(last.at) })}</summary>
      <ol className="corrections">
        <li>{t("correction.heard", { words: turn.text })}</li>
        {turn.corrections.slice(0, -1).map((each) => (
          <li key={each.id}>{t("correction.earlier", { words: each.words, name: each.by_name, at: dayAndClock(each.at) })}</li>
        ))}
      </ol>
    </details>
  );
}
