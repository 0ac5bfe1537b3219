// When and how often this installation may call: the law's page it runs under and the attempt policies, to be read.
import { Alert, Descriptions, Table, Tag } from "antd";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { Loaded } from "@/shown/Loaded";
import "./words";

type Hours = Shape["CallingHoursAnswer"];
type Policy = Shape["CallingRulesAnswer"]["policies"][number];

const PURPOSES = ["care", "reminder", "survey", "complaint", "marketing", "research"] as const;
const DAY = 1440;

function minutes(time: string): number {
  const [hours, rest] = time.split(":").map(Number);
  return (hours ?? 0) * 60 + (rest ?? 0) + (time.startsWith("23:59:59") ? 1 : 0);
}

function short(time: string): string {
  return time.startsWith("23:59:59") ? "24:00" : time.slice(0, 5);
}

export default function Windows() {
  const { t } = useTranslation("admin_house");
  const rules = $api.useQuery("get", "/api/v1/calling-rules");
  const days = t("calendar.weekdays").split(" ");
  return (
    <Loaded query={rules}>
      {({ profile, policies, mode }) => (
        <>
          <Alert
            type={profile.status === "active" ? "info" : "warning"}
            showIcon
            title={t("windows.runs_under", { id: profile.id.toUpperCase(), version: profile.version, mode: t(`windows.modes.${mode as "demo"}`, mode) })}
            description={
              <>
                <span lang="en">{profile.source}</span> {t("windows.file", { id: profile.id })}
              </>
            }
            style={{ marginBottom: 12 }}
          />
          <div className="week" role="table" aria-label={t("windows.week")}>
            {days.map((name, place) => {
              const spans = profile.hours.filter((span) => span.weekdays.includes(place + 1));
              const wide = profile.outer_hours.filter((span) => span.weekdays.includes(place + 1));
              return (
                <div key={name} role="row" className="week-day">
                  <span role="rowheader">{t("windows.weekday", { name })}</span>
                  <span className="week-line" role="cell" aria-label={spoken(spans) || t("windows.closed")}>
                    {wide.map((span) => (
                      <Bar key={span.start} span={span} kind="outer" />
                    ))}
                    {spans.map((span) => (
                      <Bar key={span.start} span={span} kind="inner" />
                    ))}
                  </span>
                  <span className="admin-quiet" role="cell">
                    {spoken(spans) || t("windows.closed")}
                  </span>
                </div>
              );
            })}
          </div>
          <Descriptions
            size="small"
            bordered
            column={2}
            items={[
              { key: "outer", label: t("windows.outer"), children: profile.outer_hours.length ? spoken(profile.outer_hours) : t("windows.not_beyond") },
              {
                key: "noon",
                label: t("windows.noon"),
                children: profile.noon_rest
                  ? t("windows.noon_of", { start: short(profile.noon_rest.start), end: short(profile.noon_rest.end), age: profile.noon_rest.from_age })
                  : t("none"),
              },
              { key: "day", label: t("windows.per_day"), children: t("windows.per_day_of", { tries: profile.attempts_per_day, talks: profile.completed_per_day }) },
              { key: "task", label: t("windows.per_task"), children: profile.attempts_per_task ?? t("windows.no_limit") },
              {
                key: "caps",
                label: t("windows.caps"),
                span: 2,
                children: profile.rolling_caps.length
                  ? profile.rolling_caps.map((cap) => (
                      <div key={`${cap.days}-${cap.at_most}-${cap.counts}-${cap.purposes.join()}`}>
                        {t(`windows.cap_${cap.counts}` as "windows.cap_attempts", {
                          most: cap.at_most,
                          days: cap.days,
                          what: cap.purposes.length === PURPOSES.length ? t("windows.all_purposes") : cap.purposes.map((one) => t(`purposes.${one}`)).join(t("comma")),
                        })}
                        {cap.automated_only && ` · ${t("windows.automated_only")}`}
                      </div>
                    ))
                  : t("none"),
              },
              {
                key: "holidays",
                label: t("windows.holidays"),
                span: 2,
                children: (
                  <>
                    {PURPOSES.map((one) => (
                      <Tag key={one}>
                        {t(`purposes.${one}`)}: {t(`windows.holiday.${profile.on_holidays[one] ?? "closed"}`)}
                      </Tag>
                    ))}
                    <div className="admin-quiet">{t(profile.make_up_days_as_weekdays ? "windows.make_up_weekday" : "windows.make_up_falls")}</div>
                  </>
                ),
              },
              { key: "recording", label: t("windows.recording"), children: t(profile.recording_needs_consent ? "windows.recording_consent" : "windows.recording_told") },
              {
                key: "ahead",
                label: t("windows.ahead"),
                children: profile.ahead_allowed
                  ? t("windows.ahead_of", { limit: ((profile.ahead_limit ?? 0) * 100).toFixed(1), agents: profile.ahead_agents_least ?? 0 })
                  : t("windows.ahead_no"),
              },
            ]}
          />
          <h2>{t("windows.policies")}</h2>
          <Table<Policy>
            size="small"
            rowKey="id"
            dataSource={policies}
            pagination={false}
            expandable={{ expandedRowRender: (policy) => <Outcomes policy={policy} /> }}
            columns={[
              {
                title: t("queues.policy"),
                key: "id",
                render: (_, policy) => (
                  <>
                    <strong>{policy.id}</strong> <span className="admin-quiet">v{policy.version}</span>{" "}
                    {policy.status !== "active" && <Tag color="warning">{t("windows.draft")}</Tag>}
                  </>
                ),
              },
              { title: t("windows.tries"), dataIndex: "max_attempts", align: "right" },
              { title: t("windows.tries_a_day"), key: "per_day", align: "right", render: (_, policy) => policy.per_day ?? "–" },
              { title: t("windows.spread"), key: "spread", render: (_, policy) => t("windows.spread_of", { days: policy.spread_days, parts: policy.spread_parts }) },
              { title: t("windows.exhausted"), key: "end", render: (_, policy) => t(`windows.next.${policy.when_exhausted}`) },
            ]}
          />
        </>
      )}
    </Loaded>
  );
}

function spoken(spans: readonly Hours[]): string {
  return [...new Set(spans.map((span) => `${short(span.start)}–${short(span.end)}`))].join("  ");
}

function Bar({ span, kind }: { span: Hours; kind: "inner" | "outer" }) {
  const from = (minutes(span.start) / DAY) * 100;
  return <i className={`week-${kind}`} style={{ insetInlineStart: `${from}%`, width: `${(minutes(span.end) / DAY) * 100 - from}%` }} />;
}

function Outcomes({ policy }: { policy: Policy }) {
  const { t } = useTranslation("admin_house");
  return (
    <Table
      size="small"
      rowKey="outcome"
      pagination={false}
      dataSource={policy.outcomes}
      columns={[
        { title: t("windows.outcome"), key: "outcome", render: (_, row) => t(`outcomes.${row.outcome}`) },
        { title: t("windows.gap"), key: "gap", render: (_, row) => gap(t, row.gap_seconds) },
        { title: t("windows.counts"), key: "counts", render: (_, row) => (row.counts ? t("yes") : t("no")) },
        {
          title: t("windows.then"),
          key: "then",
          render: (_, row) =>
            [
              row.other_day_part && t("windows.other_day_part"),
              row.other_number && t("windows.other_number"),
              row.other_channel && t("windows.other_channel"),
              row.escalate && t("windows.escalate"),
              row.at_most !== null && t("windows.at_most", { count: row.at_most }),
            ]
              .filter(Boolean)
              .join(t("comma")) || "–",
        },
      ]}
    />
  );
}

function gap(t: ReturnType<typeof useTranslation<"admin_house">>["t"], seconds: number): string {
  if (seconds < 60) return t("windows.gap_seconds", { count: seconds });
  return seconds < 3600 ? t("windows.gap_minutes", { count: Math.round(seconds / 60) }) : t("windows.gap_hours", { count: Math.round(seconds / 360) / 10 });
}
