// Rounds of blind scoring: which run, who has done how much, and a new one.
import { Link } from "@tanstack/react-router";
import { Button, Empty, Table, Tag, type TableColumnsType } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { dayAndClock } from "@/shown/instants";
import { Loaded } from "@/shown/Loaded";
import { OpenRound } from "./OpenRound";
import "./words";

type Round = Shape["GradingRoundAnswer"];

export function Rounds() {
  const { t } = useTranslation("quality");
  const [opening, setOpening] = useState(false);
  const query = $api.useQuery("get", "/api/v1/quality/rounds");
  const columns: TableColumnsType<Round> = [
    { title: t("columns.title"), key: "title", render: (_, row) => <Link to={`/quality/rounds/${row.id}`}>{row.title}</Link> },
    { title: t("columns.kind"), key: "kind", width: 150, render: (_, row) => t(`rounds.kinds.${row.kind}`) },
    { title: t("columns.calls"), dataIndex: "calls", key: "calls", width: 80, align: "right" },
    {
      title: t("columns.graders"),
      key: "graders",
      render: (_, row) => row.graders.map((grader) => <Tag key={grader.user_id}>{t("rounds.done", { ...grader, calls: row.calls })}</Tag>),
    },
    { title: t("columns.opened"), key: "opened", width: 160, render: (_, row) => <span className="quality-number">{dayAndClock(row.opened_at)}</span> },
    {
      title: t("columns.state"),
      key: "state",
      width: 210,
      render: (_, row) => (row.closed_at ? t("rounds.closed_at", { at: dayAndClock(row.closed_at) }) : <Tag color="blue">{t("rounds.running")}</Tag>),
    },
  ];
  return (
    <>
      <div className="quality-bar">
        <span className="quality-intro">{t("rounds.intro")}</span>
        <Button type="primary" className="end" onClick={() => setOpening(true)}>
          {t("rounds.open")}
        </Button>
      </div>
      <Loaded query={query}>
        {(answer) => (
          <Table<Round>
            size="small"
            rowKey="id"
            columns={columns}
            dataSource={answer.rounds}
            pagination={false}
            locale={{ emptyText: <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t("rounds.none")} /> }}
          />
        )}
      </Loaded>
      {opening && <OpenRound onClose={() => setOpening(false)} />}
    </>
  );
}
