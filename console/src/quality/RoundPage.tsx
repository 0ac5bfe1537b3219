// One round: the caller's own calls to judge; how far the graders agree once it is closed.
import { useQueryClient } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { App, Button, Popconfirm, Table, Tag, type TableColumnsType } from "antd";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { dayAndClock } from "@/shown/instants";
import { Loaded } from "@/shown/Loaded";
import { ProblemNote } from "@/shown/ProblemNote";
import { said } from "@/words";
import { JudgeButton } from "./JudgeButton";
import { RoundAgreement } from "./RoundAgreement";
import { StateTag } from "./ScoreValue";
import { stale } from "./stale";
import "./style.css";
import "./words";

type Round = Shape["FullGradingRoundAnswer"];
type Call = Shape["RoundCallAnswer"];

export default function RoundPage() {
  const { roundId } = useParams({ strict: false }) as { roundId: string };
  const query = $api.useQuery("get", "/api/v1/quality/rounds/{round_id}", { params: { path: { round_id: roundId } } });
  return <Loaded query={query}>{(round) => <Opened round={round} />}</Loaded>;
}

function Opened({ round }: { round: Round }) {
  const { t } = useTranslation("quality");
  const { message } = App.useApp();
  const queries = useQueryClient();
  const close = $api.useMutation("post", "/api/v1/quality/rounds/{round_id}/close", {
    onSuccess: () => {
      void message.success(t("rounds.closed"));
      void stale(queries);
    },
  });
  const columns: TableColumnsType<Call> = [
    { title: t("columns.at"), key: "at", width: 170, render: (_, row) => <span className="quality-number">{dayAndClock(row.at)}</span> },
    { title: t("columns.agent"), dataIndex: "agent_name", key: "agent" },
    { title: t("rounds.mine_only"), key: "score", render: (_, row) => row.score_state && <StateTag state={row.score_state} /> },
    {
      title: t("columns.actions"),
      key: "actions",
      width: 140,
      render: (_, row) =>
        row.score_id && round.closed_at ? (
          <Link to={`/quality/scores/${row.score_id}`}>{t("samples.look")}</Link>
        ) : round.mine && !round.closed_at ? (
          <JudgeButton
            attemptId={row.attempt_id}
            card={round.card}
            roundId={round.id}
            size="small"
            label={t(!row.score_state ? "samples.judge" : row.score_state === "draft" ? "samples.go_on" : "samples.look")}
          />
        ) : null,
    },
  ];
  return (
    <section className="quality" aria-labelledby="round-title">
      <Link to="/quality/rounds">{t("rounds.back")}</Link>
      <h1 id="round-title">{round.title}</h1>
      <div className="quality-bar">
        <Tag>{t(`rounds.kinds.${round.kind}`)}</Tag>
        <span>{said(round.card_title)}</span>
        {round.graders.map((grader) => (
          <Tag key={grader.user_id}>{t("rounds.done", { ...grader, calls: round.calls })}</Tag>
        ))}
        {round.closed_at ? (
          t("rounds.closed_at", { at: dayAndClock(round.closed_at) })
        ) : (
          <Popconfirm
            title={t("rounds.close_title")}
            description={t("rounds.close_text")}
            okText={t("rounds.close")}
            onConfirm={() => close.mutate({ params: { path: { round_id: round.id } } })}
          >
            <Button className="end" loading={close.isPending}>
              {t("rounds.close")}
            </Button>
          </Popconfirm>
        )}
      </div>
      {close.error !== null && <ProblemNote problem={close.error} />}
      {round.agreement && <RoundAgreement round={round} agreement={round.agreement} />}
      <h2>{t("columns.calls")}</h2>
      <Table<Call> size="small" rowKey="attempt_id" columns={columns} dataSource={round.to_judge} pagination={{ pageSize: 50, hideOnSinglePage: true }} />
    </section>
  );
}
