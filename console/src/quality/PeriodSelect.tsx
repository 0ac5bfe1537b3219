// How far back a list looks.
import { Select } from "antd";
import { useTranslation } from "react-i18next";
import "./words";

interface Props {
  value: number;
  of: readonly number[];
  words: "doubts.days" | "trends.months";
  onChange: (value: number) => void;
}

export function PeriodSelect({ value, of, words, onChange }: Props) {
  const { t } = useTranslation("quality");
  return (
    <Select
      aria-label={t("doubts.period")}
      value={value}
      onChange={onChange}
      options={of.map((each) => ({ value: each, label: t(words, { count: each }) }))}
      popupMatchSelectWidth={false}
    />
  );
}
