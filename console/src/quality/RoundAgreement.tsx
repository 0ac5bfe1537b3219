// How far the graders of a closed round agree: over all, by pair, by item, and every mark that differs.
import { Link } from "@tanstack/react-router";
import { Alert, Empty, Table, Tag } from "antd";
import { useTranslation } from "react-i18next";
import type { Shape } from "@/api/client";
import { span } from "@/shown/instants";
import { said } from "@/words";
import { figure, percent } from "./figures";
import "./words";

type Agreement = Shape["AgreementAnswer"];

interface Props {
  round: Shape["FullGradingRoundAnswer"];
  agreement: Shape["RoundAgreementAnswer"];
}

export function RoundAgreement({ round, agreement }: Props) {
  const { t } = useTranslation("quality");
  const title = (code: string) => said(round.card_items.find((item) => item.code === code)?.title) || code;
  const names = Object.fromEntries(round.graders.map((grader) => [grader.user_id, grader.name]));
  const { overall } = agreement;
  const kappa = (of: Agreement) => (of.kappa === null ? "–" : figure(of.kappa, 2));
  return (
    <>
      <h2>{t("rounds.agreement")}</h2>
      <Alert
        showIcon
        type={overall.good_enough === null ? "info" : overall.good_enough ? "success" : "warning"}
        title={
          overall.kappa === null
            ? `κ ${t("rounds.no_kappa")}`
            : `κ = ${figure(overall.kappa, 2)}, ${t("columns.observed")} ${percent(overall.observed)}. ${t(overall.good_enough ? "rounds.good" : "rounds.low")}`
        }
        description={[t("rounds.complete", { count: agreement.complete }), overall.few && t("rounds.few")].filter(Boolean).join(" · ")}
      />
      <h2>{t("rounds.by_pair")}</h2>
      <Table
        size="small"
        rowKey={(pair) => pair.one_name + pair.other_name}
        pagination={false}
        dataSource={agreement.pairs}
        columns={[
          { title: t("columns.grader"), key: "pair", render: (_, pair) => `${pair.one_name} – ${pair.other_name}` },
          { title: t("columns.kappa"), key: "kappa", align: "right", render: (_, pair) => kappa(pair.agreement) },
          { title: t("columns.observed"), key: "observed", align: "right", render: (_, pair) => percent(pair.agreement.observed) },
          { title: t("columns.apart"), key: "apart", align: "right", render: (_, pair) => figure(pair.apart) },
        ]}
      />
      <h2>{t("rounds.by_item")}</h2>
      <Table
        size="small"
        rowKey="item"
        pagination={false}
        dataSource={agreement.items}
        columns={[
          { title: t("columns.item"), key: "item", render: (_, each) => title(each.item) },
          { title: t("columns.kappa"), key: "kappa", align: "right", render: (_, each) => kappa(each.agreement) },
          { title: t("columns.observed"), key: "observed", align: "right", render: (_, each) => percent(each.agreement.observed) },
        ]}
      />
      <h2>{t("rounds.differences")}</h2>
      <Table
        size="small"
        rowKey={(each) => each.attempt_id + each.item}
        pagination={{ pageSize: 20, hideOnSinglePage: true }}
        dataSource={agreement.differences}
        locale={{ emptyText: <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t("rounds.no_differences")} /> }}
        columns={[
          { title: t("columns.item"), key: "item", render: (_, each) => title(each.item) },
          {
            title: t("columns.grader"),
            key: "marks",
            render: (_, each) =>
              Object.entries(each.marks).map(([grader, mark]) => (
                <span key={grader}>
                  <Tag>
                    {names[grader]}: {t(`score.marks.${mark}`)}
                    {each.seconds[grader] !== null && each.seconds[grader] !== undefined && ` ${span(each.seconds[grader])}`}
                  </Tag>
                </span>
              )),
          },
          {
            title: t("columns.actions"),
            key: "actions",
            render: (_, each) => {
              const second = Object.values(each.seconds).find((value) => value !== null);
              return (
                each.recording_id && (
                  <Link to={`/recordings/${each.recording_id}`} search={second ? { t: Math.floor(second) } : {}}>
                    {t("listen")}
                  </Link>
                )
              );
            },
          },
        ]}
      />
    </>
  );
}
