// The days, and what figures are narrowed down to.
import { DatePicker, Select, Switch } from "antd";
import dayjs from "dayjs";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { hospitalToday, usualPeriods, type Asked, type Search } from "./asked";

interface Props {
  asked: Asked;
  change: (changed: Partial<Search>) => void;
}

const WRITTEN = "YYYY-MM-DD";

export function Narrow({ asked, change }: Props) {
  const { t } = useTranslation("stats");
  const choices = $api.useQuery("get", "/api/v1/indicators/choices", undefined, { staleTime: 300_000 }).data;
  const filters = [
    ["department", choices?.departments],
    ["queue", choices?.queues],
    ["agent", choices?.agents],
    ["plan", choices?.plans],
  ] as const;
  return (
    <div className="stats-row" role="group" aria-label={t("narrow")}>
      <DatePicker.RangePicker
        aria-label={t("days")}
        allowClear={false}
        value={[dayjs(asked.first), dayjs(asked.last)]}
        presets={usualPeriods(hospitalToday()).map(({ name, first, last }) => ({ label: t(`periods.${name}`), value: [dayjs(first), dayjs(last)] }))}
        onChange={(days) => {
          const [first, last] = days ?? [];
          if (first && last) change({ first: first.format(WRITTEN), last: last.format(WRITTEN) });
        }}
      />
      {filters.map(([name, options]) =>
        options === undefined || options.length === 0 ? null : (
          <Select
            key={name}
            aria-label={t(`by.${name}`)}
            className="stats-filter"
            popupMatchSelectWidth={false}
            allowClear
            showSearch={{ optionFilterProp: "label" }}
            placeholder={t(`every.${name}`)}
            value={asked[name]}
            options={options.map(asOption)}
            onChange={(value: string | undefined) => change({ [name]: value })}
          />
        ),
      )}
      <label className="stats-live">
        <Switch size="small" checked={asked.live ?? false} onChange={(live) => change({ live: live || undefined })} aria-label={t("live")} />
        {t("live")}
      </label>
    </div>
  );
}

function asOption(choice: Shape["NarrowingChoiceAnswer"]) {
  return { value: choice.key, label: choice.name };
}
