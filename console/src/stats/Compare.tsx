// One indicator told apart: as a chart with intervals, or the same as a table.
import { Button, Card, Segmented, Select, Skeleton, Table } from "antd";
import { lazy, Suspense, useMemo } from "react";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { useHasRole } from "@/api/me";
import { Loaded } from "@/shown/Loaded";
import { said } from "@/words";
import { BYS, queryOf, type Asked, type Search } from "./asked";
import { countsText, inOrder, intervalText, valueText, type Definition, type Figure, type Row } from "./figures";
import { Notes } from "./Notes";

const FigureChart = lazy(() => import("./FigureChart"));

interface Props {
  asked: Asked;
  change: (changed: Partial<Search>) => void;
  definitions: readonly Definition[];
  drill: (code: string, row: Row | null) => void;
}

export function Compare({ asked, change, definitions, drill }: Props) {
  const { t } = useTranslation("stats");
  const oversees = useHasRole("supervisor", "admin");
  const query = $api.useQuery("get", "/api/v1/indicators", { params: { query: { ...queryOf(asked), by: asked.by, live: asked.live } } });
  const told = query.data?.total.map((figure) => figure.code) ?? definitions.map((each) => each.code);
  const choices = definitions.filter((each) => told.includes(each.code) && each.shape !== "count");
  const definition = choices.find((each) => each.code === asked.of) ?? choices[0];
  return (
    <Card
      size="small"
      className="stats-compare"
      title={<h2>{t("compare")}</h2>}
      extra={
        <div className="stats-row">
          <Select
            aria-label={t("indicator")}
            className="stats-pick"
            popupMatchSelectWidth={false}
            showSearch={{ optionFilterProp: "label" }}
            value={definition?.code}
            options={choices.map((each) => ({ value: each.code, label: said(each.title) }))}
            onChange={(of) => change({ of })}
          />
          <Select
            aria-label={t("apart")}
            className="stats-by"
            value={asked.by}
            options={BYS.filter((by) => by !== "agent" || oversees).map((by) => ({ value: by, label: t(`by.${by}`) }))}
            onChange={(by) => change({ by })}
          />
          <Segmented
            aria-label={t("shown_as")}
            value={asked.table ? "table" : "chart"}
            options={[
              { value: "chart", label: t("as_chart") },
              { value: "table", label: t("as_table") },
            ]}
            onChange={(as) => change({ table: as === "table" || undefined })}
          />
        </div>
      }
    >
      <Loaded query={query} isEmpty={(data) => !definition || data.rows.length === 0} empty={t("nothing_apart")}>
        {(data) => definition && <Told asked={asked} rows={data.rows} definition={definition} drill={drill} />}
      </Loaded>
    </Card>
  );
}

interface ToldProps {
  asked: Asked;
  rows: readonly Row[];
  definition: Definition;
  drill: Props["drill"];
}

function Told({ asked, rows, definition, drill }: ToldProps) {
  const { t } = useTranslation("stats");
  const byTime = asked.by === "day" || asked.by === "week" || asked.by === "month";
  const lines = useMemo(() => inOrder(rows, definition.code, byTime), [rows, definition.code, byTime]);
  const marks = useMemo(
    () =>
      lines.map(({ row, figure }) => {
        const value = valueText(figure, definition.shape);
        const interval = intervalText(figure);
        const name = row.name || t(`none.${asked.by}`);
        const told = [`${name}: ${value}`, countsText(figure, definition.shape), interval && t("interval_told", { interval }), figure.small && t("small")];
        return { name, value: figure.value, low: figure.low, high: figure.high, small: figure.small, told: told.filter(Boolean).join("\n") };
      }),
    [lines, definition.shape, asked.by, t],
  );
  const small = lines.some(({ figure }) => figure.small);
  if (!asked.table) {
    const told = marks.filter((mark) => mark.value !== null).map((mark) => mark.told.replaceAll("\n", ", "));
    return (
      <>
        <Suspense fallback={<Skeleton active />}>
          <FigureChart
            marks={marks}
            byTime={byTime}
            percent={definition.shape === "percent" || definition.shape === "composite"}
            summary={`${said(definition.title)}: ${told.slice(0, 30).join("; ")}`}
          />
        </Suspense>
        <p className="stats-quiet">
          {definition.shape === "percent" && t("chart_interval")} {small && t("chart_small")} {!byTime && marks.length > 30 && t("chart_first", { count: marks.length })}
        </p>
      </>
    );
  }
  return (
    <Table<{ row: Row; figure: Figure }>
      size="small"
      rowKey={({ row }) => row.key}
      pagination={lines.length > 20 ? { pageSize: 20, showSizeChanger: false } : false}
      dataSource={lines}
      columns={[
        { title: t(`by.${asked.by}`), render: (_, { row }) => row.name || t(`none.${asked.by}`) },
        { title: t("value"), align: "right", render: (_, { figure }) => <strong className="stats-value">{valueText(figure, definition.shape)}</strong> },
        { title: t("interval"), align: "right", className: "stats-fixed", render: (_, { figure }) => intervalText(figure) },
        { title: t("counts"), align: "right", className: "stats-fixed", render: (_, { figure }) => countsText(figure, definition.shape) },
        {
          title: t("remarks"),
          render: (_, { row, figure }) => (
            <>
              <Notes figure={figure} shape={definition.shape} />
              {definition.drills && figure.value != null && (
                <Button size="small" onClick={() => drill(definition.code, row)} aria-label={t("tasks_of", { name: row.name || t(`none.${asked.by}`) })}>
                  {t("tasks")}
                </Button>
              )}
            </>
          ),
        },
      ]}
    />
  );
}
