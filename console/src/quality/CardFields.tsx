// The items of a card to be marked: three choices, the second that shows it, a remark.
import { Button, Input, Radio, Tag } from "antd";
import { CloseOutlined } from "@ant-design/icons";
import type { RefObject } from "react";
import { useTranslation } from "react-i18next";
import type { RecordingControl } from "@/recordings/RecordingPlayer";
import { span } from "@/shown/instants";
import { said } from "@/words";
import type { Item, MarkKind, Marked, Marks } from "./total";
import "./words";

const MARKS: readonly MarkKind[] = ["met", "not_met", "not_applicable"];

interface Props {
  items: readonly Item[];
  marks: Marks;
  player: RefObject<RecordingControl | null>;
  onChange: (marks: Marks) => void;
}

export function CardFields({ items, marks, player, onChange }: Props) {
  const { t } = useTranslation("quality");
  const set = (code: string, change: Partial<Marked>) =>
    onChange({ ...marks, [code]: { ...(marks[code] ?? { mark: "met", at_second: null, remark: "" }), ...change } });
  return (
    <>
      {items.map((item) => {
        const marked = marks[item.code];
        const title = said(item.title);
        return (
          <fieldset key={item.code} className="quality-item">
            <legend>
              {title}
              <Tag>{t("score.weight", { weight: item.weight })}</Tag>
              {item.fatal && <Tag color="error">{t("score.fatal")}</Tag>}
            </legend>
            <p>{said(item.help)}</p>
            <div className="row">
              <Radio.Group
                optionType="button"
                buttonStyle="solid"
                value={marked?.mark ?? null}
                aria-label={title}
                onChange={(event) => set(item.code, { mark: event.target.value as MarkKind })}
                options={MARKS.filter((mark) => mark !== "not_applicable" || item.may_not_apply).map((mark) => ({ value: mark, label: t(`score.marks.${mark}`) }))}
              />
              {marked && marked.at_second !== null && (
                <>
                  <Button onClick={() => player.current?.playFrom(marked.at_second!)}>▶ {span(marked.at_second)}</Button>
                  <Button
                    type="text"
                    icon={<CloseOutlined />}
                    aria-label={t("score.drop_second", { at: span(marked.at_second) })}
                    onClick={() => set(item.code, { at_second: null })}
                  />
                </>
              )}
              {marked && (
                <Button
                  aria-label={t("score.take_second_of", { item: title })}
                  onClick={() => set(item.code, { at_second: Math.round((player.current?.second() ?? 0) * 10) / 10 })}
                >
                  {t("score.take_second")}
                </Button>
              )}
              {marked?.mark === "not_met" && (
                <Input
                  aria-label={t("score.remark_of", { item: title })}
                  placeholder={t("score.remark")}
                  maxLength={2000}
                  value={marked.remark}
                  onChange={(event) => set(item.code, { remark: event.target.value })}
                />
              )}
            </div>
          </fieldset>
        );
      })}
    </>
  );
}
