// Samples that were drawn, how far each is judged, and a new draw.
import { Link } from "@tanstack/react-router";
import { Button, Empty, Progress, Table, type TableColumnsType } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { day, dayAndClock } from "@/shown/instants";
import { Loaded } from "@/shown/Loaded";
import { DrawDialog } from "./DrawDialog";
import { percent } from "./figures";
import "./words";

type Sample = Shape["SampleAnswer"];

export function Samples() {
  const { t } = useTranslation("quality");
  const [drawing, setDrawing] = useState(false);
  const query = $api.useQuery("get", "/api/v1/quality/samples");
  const columns: TableColumnsType<Sample> = [
    {
      title: t("columns.at"),
      key: "at",
      render: (_, row) => (
        <Link to={`/quality/samples/${row.id}`} className="quality-number">
          {dayAndClock(row.drawn_at)}
        </Link>
      ),
    },
    { title: t("columns.period"), key: "period", render: (_, row) => t("samples.of", { since: day(row.since), until: day(row.until) }) },
    { title: t("columns.calls"), dataIndex: "calls", key: "calls", align: "right", width: 80 },
    {
      title: t("columns.judged"),
      key: "judged",
      width: 220,
      render: (_, row) => (
        <Progress percent={Math.round((100 * row.judged) / Math.max(1, row.calls))} format={() => t("samples.progress", row)} aria-label={t("columns.judged")} />
      ),
    },
    { title: t("columns.margin"), key: "margin", align: "right", width: 100, render: (_, row) => `±${percent(row.statement.margin)}` },
    { title: t("columns.seed"), key: "seed", align: "right", width: 130, render: (_, row) => <span className="quality-number">{row.statement.seed}</span> },
    { title: t("columns.drawn_by"), dataIndex: "drawn_by_name", key: "by" },
  ];
  return (
    <>
      <div className="quality-bar">
        <span className="quality-intro">{t("samples.intro")}</span>
        <Button type="primary" className="end" onClick={() => setDrawing(true)}>
          {t("samples.draw")}
        </Button>
      </div>
      <Loaded query={query}>
        {(answer) => (
          <Table<Sample>
            size="small"
            rowKey="id"
            columns={columns}
            dataSource={answer.samples}
            pagination={false}
            locale={{ emptyText: <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t("samples.none")} /> }}
          />
        )}
      </Loaded>
      {drawing && <DrawDialog onClose={() => setDrawing(false)} />}
    </>
  );
}
