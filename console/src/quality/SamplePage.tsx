// One sample: what it claims, its calls in the order of the draw, and whether it can be drawn again alike.
import { Link, useParams } from "@tanstack/react-router";
import { Alert, Button, Table, Tag, type TableColumnsType } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { day, dayAndClock, span } from "@/shown/instants";
import { Loaded } from "@/shown/Loaded";
import { ProblemNote } from "@/shown/ProblemNote";
import { JudgeButton } from "./JudgeButton";
import { OpenRound } from "./OpenRound";
import { ScoreValue, StateTag } from "./ScoreValue";
import { Statement } from "./Statement";
import "./style.css";
import "./words";

type Sample = Shape["FullSampleAnswer"];
type Call = Shape["SampledCallAnswer"];

export default function SamplePage() {
  const { sampleId } = useParams({ strict: false }) as { sampleId: string };
  const query = $api.useQuery("get", "/api/v1/quality/samples/{sample_id}", { params: { path: { sample_id: sampleId } } });
  return <Loaded query={query}>{(sample) => <Opened sample={sample} />}</Loaded>;
}

function Opened({ sample }: { sample: Sample }) {
  const { t } = useTranslation("quality");
  const [double, setDouble] = useState(false);
  const redraw = $api.useQuery("get", "/api/v1/quality/samples/{sample_id}/redraw", { params: { path: { sample_id: sample.id } } }, { enabled: false });
  const columns: TableColumnsType<Call> = [
    { title: t("columns.at"), key: "at", width: 160, render: (_, row) => <span className="quality-number">{dayAndClock(row.at)}</span> },
    { title: t("columns.agent"), dataIndex: "agent_name", key: "agent" },
    {
      title: t("columns.because"),
      key: "because",
      width: 120,
      render: (_, row) => <Tag color={row.because === "drawn" ? "default" : "error"}>{t(`samples.because.${row.because}`)}</Tag>,
    },
    { title: t("columns.length"), key: "length", width: 90, align: "right", render: (_, row) => (row.seconds === null ? "–" : span(row.seconds)) },
    {
      title: t("columns.score"),
      key: "score",
      render: (_, row) =>
        row.score_state && (
          <>
            <StateTag state={row.score_state} /> <ScoreValue score={{ state: row.score_state, value: row.value, value_before: null, fatal: [] }} />
          </>
        ),
    },
    {
      title: t("columns.actions"),
      key: "actions",
      width: 130,
      render: (_, row) => (
        <JudgeButton
          attemptId={row.attempt_id}
          card={sample.card}
          size="small"
          label={t(!row.score_state ? "samples.judge" : row.score_state === "draft" ? "samples.go_on" : "samples.look")}
        />
      ),
    },
  ];
  const verdict = redraw.data && (redraw.data.same_draw ? "samples.redraw_same" : redraw.data.same_calls_to_draw_from ? "samples.redraw_wrong" : "samples.redraw_other");
  return (
    <section className="quality" aria-labelledby="sample-title">
      <Link to="/quality/samples">{t("samples.back")}</Link>
      <h1 id="sample-title">{t("samples.of", { since: day(sample.since), until: day(sample.until) })}</h1>
      <div className="quality-bar">
        <span>
          {t("columns.judged")} <b className="quality-number">{t("samples.progress", sample)}</b>
        </span>
        <Button className="end" loading={redraw.isFetching} onClick={() => void redraw.refetch()}>
          {t("samples.redraw")}
        </Button>
        <Button onClick={() => setDouble(true)}>{t("samples.rounds")}</Button>
      </div>
      {verdict && <Alert showIcon type={verdict === "samples.redraw_same" ? "success" : "warning"} title={t(verdict)} />}
      {redraw.error !== null && <ProblemNote problem={redraw.error} />}
      <Statement statement={sample.statement} />
      <h2>{t("columns.calls")}</h2>
      <Table<Call> size="small" rowKey="attempt_id" columns={columns} dataSource={sample.to_judge} pagination={{ pageSize: 50, hideOnSinglePage: true }} />
      {sample.hidden > 0 && <p className="quality-quiet">{t("samples.hidden", { count: sample.hidden })}</p>}
      {double && <OpenRound sampleId={sample.id} onClose={() => setDouble(false)} />}
    </section>
  );
}
