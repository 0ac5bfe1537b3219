// A value with what tells that it lies outside of its range: arrow, word for screen readers and weight, not color alone.
import { useTranslation } from "react-i18next";

interface Props {
  value: number | null;
  text?: string;
  low: number | null;
  high: number | null;
  decimals?: number;
}

export function Mark({ value, text, low, high, decimals }: Props) {
  const { t } = useTranslation("patients");
  const shown = value === null ? text || "–" : decimals === undefined ? String(Math.round(value * 1000) / 1000) : value.toFixed(decimals);
  const mark = value === null ? null : high !== null && value > high ? "high" : low !== null && value < low ? "low" : null;
  if (!mark) return <>{shown}</>;
  return (
    <strong className="record-outside">
      <span aria-hidden>{mark === "high" ? "▲" : "▼"} </span>
      {shown} <span className="for-readers">{t(`results.${mark}`)}</span>
    </strong>
  );
}
