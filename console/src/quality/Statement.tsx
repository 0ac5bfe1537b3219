// What a sample may claim, in words and by stratum.
import { Table } from "antd";
import { useTranslation } from "react-i18next";
import type { Shape } from "@/api/client";
import { figure, percent } from "./figures";
import "./words";

type Said = Shape["SampleStatementAnswer"];

export function Statement({ statement }: { statement: Said }) {
  const { t } = useTranslation("quality");
  const some = statement.population + statement.certain > 0;
  if (!some) return <p>{t("samples.empty_period")}</p>;
  return (
    <>
      <p>
        {statement.margin === null
          ? t("samples.claim_certain", { certain: statement.certain })
          : t("samples.claim", {
              certain: statement.certain,
              population: statement.population,
              drawn: statement.drawn,
              confidence: figure(statement.confidence * 100),
              margin: figure(statement.margin * 100),
            })}{" "}
        <span className="quality-quiet">
          {t("columns.seed")} {statement.seed}
        </span>
      </p>
      <Table<Shape["SamplePartAnswer"]>
        size="small"
        rowKey={(part) => part.names.join("/")}
        dataSource={statement.parts}
        pagination={false}
        scroll={statement.parts.length > 6 ? { y: 220 } : undefined}
        columns={[
          { title: t("samples.part"), key: "part", render: (_, part) => part.names.map((name) => name || "–").join(" · ") || t("doubts.all") },
          { title: t("samples.certain"), dataIndex: "certain", key: "certain", align: "right" },
          { title: t("samples.population"), dataIndex: "population", key: "population", align: "right" },
          { title: t("samples.drawn_of"), dataIndex: "drawn", key: "drawn", align: "right" },
          { title: t("columns.margin"), key: "margin", align: "right", render: (_, part) => (part.margin === null ? "–" : `±${percent(part.margin)}`) },
        ]}
      />
    </>
  );
}
