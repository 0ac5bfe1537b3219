// A card as it was marked; a click on the evidence plays it.
import { Button, Tag } from "antd";
import type { RefObject } from "react";
import { useTranslation } from "react-i18next";
import type { RecordingControl } from "@/recordings/RecordingPlayer";
import { span } from "@/shown/instants";
import { said } from "@/words";
import type { FullScore } from "./ScorePage";
import { marksOf } from "./total";
import "./words";

const COLORS = { met: "success", not_met: "error", not_applicable: "default" } as const;

export function CardReading({ score, player }: { score: FullScore; player: RefObject<RecordingControl | null> }) {
  const { t } = useTranslation("quality");
  const marks = marksOf(score.marks);
  return (
    <>
      {score.card_items.map((item) => {
        const marked = marks[item.code];
        return (
          <div key={item.code} className="quality-item">
            <b>{said(item.title)}</b> <Tag>{t("score.weight", { weight: item.weight })}</Tag>
            {item.fatal && <Tag color="error">{t("score.fatal")}</Tag>}
            <div className="row">
              {marked ? <Tag color={COLORS[marked.mark]}>{t(`score.marks.${marked.mark}`)}</Tag> : "–"}
              {marked && marked.at_second !== null && <Button onClick={() => player.current?.playFrom(marked.at_second!)}>▶ {span(marked.at_second)}</Button>}
              {marked?.remark}
            </div>
          </div>
        );
      })}
      {score.remark && (
        <p>
          <b>{t("score.whole_remark")}</b> {score.remark}
        </p>
      )}
    </>
  );
}
