// A score as it is read: its points, that a fatal item was missed, what it was before an appeal.
import { Tag } from "antd";
import { useTranslation } from "react-i18next";
import type { Shape } from "@/api/client";
import { figure } from "./figures";
import "./words";

type Score = Pick<Shape["QualityScoreAnswer"], "state" | "value" | "value_before" | "fatal">;

export function ScoreValue({ score }: { score: Score }) {
  const { t } = useTranslation("quality");
  if (score.state === "draft") return <>–</>;
  return (
    <span className="quality-number">
      {score.value === null ? t("scores.not_applicable") : t("of_100", { value: figure(score.value) })}
      {score.value_before !== null && <small className="quality-quiet"> ({t("scores.before", { value: figure(score.value_before) })})</small>}
      {score.fatal.length > 0 && (
        <>
          {" "}
          <Tag color="error">{t("scores.fatal")}</Tag>
        </>
      )}
    </span>
  );
}

const COLORS = { draft: "default", given: "blue", acknowledged: "success", appealed: "warning", upheld: "default", changed: "success" } as const;

export function StateTag({ state }: { state: Shape["QualityScoreAnswer"]["state"] }) {
  const { t } = useTranslation("quality");
  return <Tag color={COLORS[state]}>{t(`scores.states.${state}`)}</Tag>;
}
