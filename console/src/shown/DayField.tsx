// A day to be chosen, written 2026-11-21 in the hospital's calendar, shown as the reader writes days.
import { DatePicker } from "antd";
import dayjs from "dayjs";
import { useTranslation } from "react-i18next";

interface Props {
  id?: string;
  value?: string;
  onChange?: (day: string | undefined) => void;
  allowClear?: boolean;
  "aria-label"?: string;
  placeholder?: string;
}

export function DayField({ value, onChange, allowClear = true, ...rest }: Props) {
  const { i18n } = useTranslation();
  return (
    <DatePicker
      {...rest}
      allowClear={allowClear}
      style={{ width: 150 }}
      format={i18n.language === "en" ? "D MMM YYYY" : "YYYY-MM-DD"}
      value={value ? dayjs(value) : null}
      onChange={(chosen) => onChange?.(chosen?.format("YYYY-MM-DD"))}
    />
  );
}
