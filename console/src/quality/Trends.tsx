// Scores by agent and month: a line to see, the figures to read.
import { keepPreviousData } from "@tanstack/react-query";
import { Empty, Table, Tag, type TableColumnsType } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { Loaded } from "@/shown/Loaded";
import { figure } from "./figures";
import { PeriodSelect } from "./PeriodSelect";
import "./words";

type Trend = Shape["AgentTrendAnswer"];
type Mean = Shape["QualityMeanAnswer"];

export function Trends() {
  const { t } = useTranslation("quality");
  const [months, setMonths] = useState(6);
  const query = $api.useQuery("get", "/api/v1/quality/trends", { params: { query: { months } } }, { placeholderData: keepPreviousData });
  return (
    <>
      <div className="quality-bar">
        <PeriodSelect value={months} of={[3, 6, 12, 24]} words="trends.months" onChange={setMonths} />
        <span className="quality-intro">{t("trends.intro")}</span>
      </div>
      <Loaded query={query}>
        {(answer) => (
          <Table<Trend>
            size="small"
            rowKey="agent_id"
            pagination={false}
            dataSource={answer.agents}
            columns={columnsOf(answer.months, t)}
            scroll={{ x: "max-content" }}
            locale={{ emptyText: <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t("trends.none")} /> }}
          />
        )}
      </Loaded>
    </>
  );
}

type Say = ReturnType<typeof useTranslation<"quality">>["t"];

function columnsOf(months: readonly string[], t: Say): TableColumnsType<Trend> {
  return [
    { title: t("columns.agent"), dataIndex: "agent_name", key: "agent", fixed: "left" },
    { title: t("parts.trends"), key: "line", width: 150, render: (_, row) => <Line trend={row} t={t} /> },
    { title: t("trends.whole"), key: "whole", render: (_, row) => <Cell mean={row.whole} t={t} /> },
    ...months.map((month, place) => ({
      title: month,
      key: month,
      render: (_: unknown, row: Trend) => <Cell mean={row.months[place]!} t={t} />,
    })),
  ];
}

function Cell({ mean, t }: { mean: Mean; t: Say }) {
  if (!mean.scores) return <>–</>;
  return (
    <div className="quality-number">
      <b>{figure(mean.mean)}</b> <span className="quality-quiet">n={mean.scores}</span>
      {mean.few && <Tag>{t("trends.few")}</Tag>}
      {mean.low !== null && !mean.few && <div className="quality-quiet">{t("trends.interval", { low: figure(mean.low), high: figure(mean.high) })}</div>}
      {mean.fatal > 0 && (
        <div>
          <Tag color="error">
            {t("columns.fatal")} {mean.fatal}
          </Tag>
        </div>
      )}
    </div>
  );
}

const WIDE = 130;
const HIGH = 32;

function Line({ trend, t }: { trend: Trend; t: Say }) {
  const points = trend.months.flatMap((each, place) =>
    each.mean === null ? [] : [{ x: trend.months.length > 1 ? 4 + (place * (WIDE - 8)) / (trend.months.length - 1) : WIDE / 2, y: HIGH - 4 - (each.mean / 100) * (HIGH - 8), each }],
  );
  const text = points.map(({ each }) => t("trends.point", { month: each.month, value: figure(each.mean), scores: each.scores })).join("; ");
  return (
    <svg className="quality-trend-line" role="img" aria-label={t("trends.line", { name: trend.agent_name, text })} width={WIDE} height={HIGH} viewBox={`0 0 ${WIDE} ${HIGH}`}>
      <line x1={0} x2={WIDE} y1={HIGH - 4 - 0.8 * (HIGH - 8)} y2={HIGH - 4 - 0.8 * (HIGH - 8)} stroke="#d9d9d9" strokeDasharray="3 3" />
      <polyline points={points.map(({ x, y }) => `${x},${y}`).join(" ")} fill="none" stroke="#0958d9" strokeWidth={1.5} />
      {points.map(({ x, y, each }) => (
        <circle key={each.month} cx={x} cy={y} r={2.5} fill="#0958d9" />
      ))}
    </svg>
  );
}
