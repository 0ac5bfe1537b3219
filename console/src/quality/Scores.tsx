// Scores: all of them for a supervisor, an agent's own for himself.
import { keepPreviousData } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Button, Empty, Select, Table, type TableColumnsType } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { useHasRole } from "@/api/me";
import { dayAndClock } from "@/shown/instants";
import { Loaded } from "@/shown/Loaded";
import { said } from "@/words";
import { ScoreValue, StateTag } from "./ScoreValue";
import "./words";

type Score = Shape["QualityScoreAnswer"];
type State = Score["state"];
const STATES: readonly State[] = ["draft", "given", "acknowledged", "appealed", "upheld", "changed"];

export function Scores() {
  const { t } = useTranslation("quality");
  const oversees = useHasRole("supervisor");
  const [state, setState] = useState<State | "all">("all");
  const [limit, setLimit] = useState(50);
  const query = $api.useQuery(
    "get",
    "/api/v1/quality/scores",
    { params: { query: { limit, ...(state === "all" ? {} : { state }) } } },
    { placeholderData: keepPreviousData },
  );
  const columns: TableColumnsType<Score> = [
    {
      title: t("columns.at"),
      key: "at",
      width: 160,
      render: (_, row) => (
        <Link to={`/quality/scores/${row.id}`} className="quality-number">
          {dayAndClock(row.given_at ?? row.begun_at)}
        </Link>
      ),
    },
    { title: t("columns.agent"), dataIndex: "agent_name", key: "agent" },
    { title: t("columns.card"), key: "card", render: (_, row) => said(row.card_title) },
    { title: t("columns.score"), key: "score", width: 190, render: (_, row) => <ScoreValue score={row} /> },
    { title: t("columns.state"), key: "state", width: 160, render: (_, row) => <StateTag state={row.state} /> },
    { title: t("columns.grader"), dataIndex: "grader_name", key: "grader" },
  ];
  const states = oversees ? STATES : STATES.filter((each) => each !== "draft");
  return (
    <>
      <div className="quality-bar">
        <Select<State | "all">
          aria-label={t("columns.state")}
          value={state}
          onChange={setState}
          popupMatchSelectWidth={false}
          options={[{ value: "all" as const, label: t("scores.all_states") }, ...states.map((each) => ({ value: each, label: t(`scores.states.${each}`) }))]}
        />
      </div>
      <Loaded query={query}>
        {(answer) => (
          <Table<Score>
            size="small"
            rowKey="id"
            columns={columns}
            dataSource={answer.scores}
            pagination={false}
            locale={{
              emptyText: <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t(oversees ? "scores.none" : "scores.none_agent")} />,
            }}
          />
        )}
      </Loaded>
      {query.data?.next && limit < 200 && <Button onClick={() => setLimit(200)}>{t("more")}</Button>}
    </>
  );
}
