// The contacts a template would make for a date, by the hospital's own calendar; nothing is written.
import { Alert, Table } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { DayField } from "@/shown/DayField";
import { dayAndClock, instantAt, isoDay } from "@/shown/instants";
import { Loaded } from "@/shown/Loaded";
import "./words";

type Ahead = Shape["AheadAnswer"];

export function TemplateOutlook({ template }: { template: Shape["TemplateAnswer"] }) {
  const { t } = useTranslation("admin_content");
  const [on, setOn] = useState(() => isoDay(new Date()));
  const outlook = $api.useQuery("get", "/api/v1/plan-templates/{template_id}/outlook", {
    params: { path: { template_id: template.id }, query: { at: instantAt(on, "10:00") } },
  });
  return (
    <>
      <div className="admin-row">
        <label htmlFor="outlook-day">{t(`anchors.${template.anchor}`)}</label>
        <DayField id="outlook-day" value={on} allowClear={false} onChange={(chosen) => chosen && setOn(chosen)} />
        <span className="admin-quiet">{t("templates.at_ten")}</span>
      </div>
      <Loaded query={outlook} isEmpty={(found) => found.contacts.length === 0} empty={t("templates.no_contacts")}>
        {(found) => (
          <>
            {found.missing_queues.length > 0 && (
              <Alert className="content-told" type="warning" showIcon title={t("templates.missing_queues", { queues: found.missing_queues.join(t("comma")) })} />
            )}
            {found.warning && <Alert className="content-told" type="info" showIcon title={t("templates.calendar_unknown")} description={<span lang="en">{found.warning}</span>} />}
            <Table<Ahead>
              size="small"
              rowKey={(row) => `${row.step} ${row.occurrence}`}
              dataSource={found.contacts}
              pagination={found.contacts.length > 20 ? { pageSize: 20, showSizeChanger: false } : false}
              columns={[
                { title: t("templates.target"), key: "target", width: 170, render: (_, row) => <b>{dayAndClock(row.target_at)}</b> },
                { title: t("templates.opens"), key: "opens", width: 170, render: (_, row) => dayAndClock(row.opens_at) },
                { title: t("templates.closes"), key: "closes", width: 170, render: (_, row) => dayAndClock(row.latest_at) },
                { title: t("templates.what"), key: "what", render: (_, row) => [t(`modes.${row.mode}`), row.form, row.flow].filter(Boolean).join(" · ") },
                { title: t("templates.queue"), dataIndex: "queue" },
              ]}
            />
            {found.cut_short.length > 0 && <p className="admin-quiet">{t("templates.cut_short")}</p>}
          </>
        )}
      </Loaded>
    </>
  );
}
