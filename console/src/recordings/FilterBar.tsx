// The filters of the list, in one row that folds into a second on a small screen.
import { Button, Checkbox, DatePicker, InputNumber, Select, Space } from "antd";
import dayjs from "dayjs";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { useHasRole } from "@/api/me";
import type { Filters, Level, Outcome } from "./filters";
import zh from "./words.zh";

interface Props {
  filters: Filters;
  change: (changed: Partial<Filters>) => void;
  clear: () => void;
  /** The search over words knows fewer. */
  searching: boolean;
}

const DAY = "YYYY-MM-DD";
const LEVELS: readonly Level[] = ["red", "amber", "yellow"];

export function FilterBar({ filters, change, clear, searching }: Props) {
  const { t } = useTranslation("recordings");
  // How colleagues were judged is for supervisors: the server refuses others.
  const supervises = useHasRole("supervisor");
  const choices = $api.useQuery("get", "/api/v1/recording-filters", undefined, { staleTime: 300_000 }).data;
  const many = { mode: "multiple", maxTagCount: 1, allowClear: true, className: "filter-choice" } as const;
  const named = (all: readonly { id: string; name: string }[] | undefined) => all?.map(({ id, name }) => ({ value: id, label: name }));
  const by = { showSearch: { optionFilterProp: "label" } } as const;
  return (
    <div className="filter-bar" role="group" aria-label={t("filters.name")}>
      <DatePicker.RangePicker
        aria-label={t("filters.days")}
        allowEmpty={[true, true]}
        value={[filters.from ? dayjs(filters.from) : null, filters.to ? dayjs(filters.to) : null]}
        onChange={(days) => change({ from: days?.[0]?.format(DAY), to: days?.[1]?.format(DAY) })}
      />
      <Select
        {...many}
        {...by}
        aria-label={t("filters.department")}
        placeholder={t("filters.department")}
        value={filters.departments ?? []}
        options={choices?.departments.map((name) => ({ value: name, label: name }))}
        onChange={(departments) => change({ departments })}
      />
      <Select
        {...many}
        {...by}
        aria-label={t("filters.queue")}
        placeholder={t("filters.queue")}
        value={filters.queues ?? []}
        options={named(choices?.queues)}
        onChange={(queues) => change({ queues })}
      />
      {choices?.agents.length ? (
        <Select
          {...many}
          {...by}
          aria-label={t("filters.agent")}
          placeholder={t("filters.agent")}
          value={filters.agents ?? []}
          options={named(choices.agents)}
          onChange={(agents) => change({ agents })}
        />
      ) : null}
      <Select
        {...many}
        aria-label={t("filters.outcome")}
        placeholder={t("filters.outcome")}
        value={filters.outcomes ?? []}
        options={(Object.keys(zh.outcomes) as Outcome[]).map((outcome) => ({ value: outcome, label: t(`outcomes.${outcome}`) }))}
        onChange={(outcomes) => change({ outcomes })}
      />
      <Select
        {...many}
        aria-label={t("filters.alert")}
        placeholder={t("filters.alert")}
        value={filters.alerts ?? []}
        options={LEVELS.map((level) => ({ value: level, label: t(`levels.${level}`) }))}
        onChange={(alerts) => change({ alerts })}
      />
      <Space.Compact>
        <InputNumber
          className="filter-number"
          aria-label={t("filters.shortest")}
          placeholder={t("filters.shortest")}
          min={0}
          max={1440}
          value={filters.shortest ?? null}
          onChange={(minutes) => change({ shortest: minutes ?? undefined })}
        />
        <InputNumber
          className="filter-number"
          aria-label={t("filters.longest")}
          placeholder={t("filters.longest")}
          min={0}
          max={1440}
          value={filters.longest ?? null}
          onChange={(minutes) => change({ longest: minutes ?? undefined })}
        />
      </Space.Compact>
      {!searching && (
        <>
          {supervises && (
            <Space.Compact>
              <InputNumber
                className="filter-number"
                aria-label={t("filters.least_score")}
                placeholder={t("filters.least_score")}
                min={0}
                max={100}
                value={filters.least_score ?? null}
                onChange={(score) => change({ least_score: score ?? undefined })}
              />
              <InputNumber
                className="filter-number"
                aria-label={t("filters.most_score")}
                placeholder={t("filters.most_score")}
                min={0}
                max={100}
                value={filters.most_score ?? null}
                onChange={(score) => change({ most_score: score ?? undefined })}
              />
            </Space.Compact>
          )}
          <Checkbox checked={filters.gap ?? false} onChange={(event) => change({ gap: event.target.checked })}>
            {t("filters.gap")}
          </Checkbox>
          <Checkbox checked={filters.commented ?? false} onChange={(event) => change({ commented: event.target.checked })}>
            {t("filters.commented")}
          </Checkbox>
        </>
      )}
      {Object.keys(filters).length > 0 && (
        <Button type="link" onClick={clear}>
          {t("filters.clear")}
        </Button>
      )}
    </div>
  );
}
