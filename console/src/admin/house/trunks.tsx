// The lines: whether each answers, how full it is, and how often each caller ID is answered.
import { Alert, Empty, Table, Tag } from "antd";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { day, dayAndClock } from "@/shown/instants";
import { Loaded } from "@/shown/Loaded";
import "./words";

type Trunk = Shape["TrunkAnswer"];
type Rates = Shape["CallerIdsAnswer"];

const COLORS = { up: "success", down: "error", unknown: "default" } as const;

export default function Trunks() {
  const { t } = useTranslation("admin_house");
  const trunks = $api.useQuery("get", "/api/v1/trunks", undefined, { refetchInterval: 30_000 });
  const rates = $api.useQuery("get", "/api/v1/caller-ids", { params: { query: { days: 28 } } });
  return (
    <>
      <Loaded query={trunks} isEmpty={(found) => found.trunks.length === 0} empty={t("trunks.none")}>
        {(found) => (
          <Table<Trunk>
            size="small"
            rowKey={(row) => `${row.node} ${row.trunk}`}
            dataSource={found.trunks}
            pagination={{ pageSize: 20, hideOnSinglePage: true, showSizeChanger: false }}
            expandable={{ expandedRowRender: (row) => <Declared of={row.declared} /> }}
            columns={[
              { title: t("trunks.trunk"), key: "trunk", render: (_, row) => <strong>{row.trunk}</strong> },
              { title: t("trunks.node"), dataIndex: "node" },
              {
                title: t("state"),
                key: "state",
                render: (_, row) => (
                  <>
                    <Tag color={COLORS[row.condition]}>{t(`trunks.conditions.${row.condition}`)}</Tag>
                    <span className="admin-quiet">{t("trunks.since", { at: dayAndClock(row.since) })}</span>
                    {row.reason && <div lang="en">{row.reason}</div>}
                  </>
                ),
              },
              { title: t("trunks.checked"), key: "checked", render: (_, row) => (row.checked_at ? dayAndClock(row.checked_at) : t("trunks.never")) },
              { title: t("trunks.channels"), dataIndex: "channels_in_use", align: "right", width: 110 },
            ]}
          />
        )}
      </Loaded>
      <h2>{t("trunks.caller_ids")}</h2>
      <p className="admin-quiet">{t("trunks.caller_ids_help")}</p>
      <Loaded query={rates}>
        {(found) => (
          <>
            {found.alarms.map((alarm) => (
              <Alert
                key={alarm.caller_id + alarm.day}
                type="warning"
                showIcon
                style={{ marginBottom: 8 }}
                title={t("trunks.alarm", { number: alarm.caller_id, day: day(`${alarm.day}T12:00:00Z`), answered: alarm.answered, tries: alarm.tries, usual: percent(alarm.usual_rate) })}
              />
            ))}
            <CallerIds rates={found} />
          </>
        )}
      </Loaded>
    </>
  );
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function CallerIds({ rates }: { rates: Rates }) {
  const { t } = useTranslation("admin_house");
  const numbers = [...new Set(rates.days.map((row) => row.caller_id))].map((caller_id) => {
    const days = rates.days.filter((row) => row.caller_id === caller_id).sort((one, other) => one.day.localeCompare(other.day));
    return {
      caller_id,
      days,
      tries: days.reduce((sum, row) => sum + row.tries, 0),
      answered: days.reduce((sum, row) => sum + row.answered, 0),
      last: days.at(-1)!,
    };
  });
  if (numbers.length === 0) return <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t("trunks.no_calls")} />;
  return (
    <Table
      size="small"
      rowKey="caller_id"
      dataSource={numbers}
      pagination={{ pageSize: 20, hideOnSinglePage: true, showSizeChanger: false }}
      columns={[
        { title: t("trunks.number"), key: "number", render: (_, row) => <strong>{row.caller_id}</strong> },
        { title: t("trunks.tries"), dataIndex: "tries", align: "right", width: 90 },
        { title: t("trunks.rate"), key: "rate", align: "right", width: 110, render: (_, row) => (row.tries ? percent(row.answered / row.tries) : "–") },
        {
          title: t("trunks.last_day"),
          key: "last",
          render: (_, row) => (
            <>
              {day(`${row.last.day}T12:00:00Z`)}: {row.last.answered}/{row.last.tries}{" "}
              <span className="admin-quiet">
                ({percent(row.last.rate_low)} – {percent(row.last.rate_high)})
              </span>
              {row.last.tries < 30 && <span className="admin-quiet"> {t("trunks.few")}</span>}
            </>
          ),
        },
        { title: t("trunks.course"), key: "course", width: 200, render: (_, row) => <Course days={row.days} /> },
      ]}
    />
  );
}

function Course({ days }: { days: Rates["days"] }) {
  const { t } = useTranslation("admin_house");
  const width = 180;
  const step = days.length > 1 ? width / (days.length - 1) : 0;
  const points = days.map((row, place) => `${(place * step).toFixed(1)},${(24 - 22 * (row.rate ?? 0)).toFixed(1)}`).join(" ");
  return (
    <svg width={width} height={26} role="img" aria-label={t("trunks.course_of", { rates: days.map((row) => percent(row.rate ?? 0)).join(t("comma")) })}>
      <polyline points={points} fill="none" stroke="#0958d9" strokeWidth={1.5} />
    </svg>
  );
}

function Declared({ of }: { of: Record<string, unknown> }) {
  return (
    <ul className="admin-mono">
      {Object.entries(of)
        .filter(([, value]) => value !== null && value !== "")
        .map(([name, value]) => (
          <li key={name}>
            {name}: {typeof value === "object" ? JSON.stringify(value) : String(value)}
          </li>
        ))}
    </ul>
  );
}
