// Plan templates: which contacts on which day, drawn to scale, and the tasks they would make for a date.
import { Button, Descriptions, Table, Tag } from "antd";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { Loaded } from "@/shown/Loaded";
import { said } from "@/words";
import { useChosen } from "./chosen";
import { TemplateOutlook } from "./template_outlook";
import { daysOf, parted } from "./offsets";
import "./content.css";
import "./words";

type Template = Shape["TemplateAnswer"];
type Step = Template["steps"][number];

export default function Templates() {
  const { t } = useTranslation("admin_content");
  const [open, choose] = useChosen("templates");
  const templates = $api.useQuery("get", "/api/v1/plan-templates");
  return (
    <Loaded query={templates} isEmpty={(found) => found.templates.length === 0} empty={t("templates.none")}>
      {(found) => {
        const chosen = found.templates.find((one) => one.id === open);
        return chosen ? <Opened template={chosen} back={() => choose(undefined)} /> : <TemplateList templates={found.templates} choose={choose} />;
      }}
    </Loaded>
  );
}

export function Status({ status }: { status: string }) {
  const { t } = useTranslation("admin_content");
  return <Tag color={status === "active" ? "success" : "warning"}>{t(status === "active" ? "signed" : "draft")}</Tag>;
}

function TemplateList({ templates, choose }: { templates: Template[]; choose: (id: string) => void }) {
  const { t } = useTranslation("admin_content");
  return (
    <>
      <p className="admin-quiet">{t("templates.shipped")}</p>
      <Table<Template>
        size="small"
        rowKey="id"
        dataSource={templates}
        pagination={false}
        columns={[
          { title: t("number"), dataIndex: "id", width: 150 },
          {
            title: t("title"),
            key: "title",
            render: (_, one) => (
              <Button type="link" className="content-link" onClick={() => choose(one.id)}>
                {said(one.name)}
              </Button>
            ),
          },
          { title: t("templates.purpose"), key: "purpose", width: 160, render: (_, one) => t(`purposes.${one.purpose}`) },
          { title: t("templates.anchor"), key: "anchor", width: 160, render: (_, one) => t(`anchors.${one.anchor}`) },
          { title: t("templates.contacts"), key: "steps", width: 90, align: "right", render: (_, one) => one.steps.length },
          { title: t("version"), dataIndex: "version", width: 80, align: "right" },
          { title: t("status"), key: "status", width: 110, render: (_, one) => <Status status={one.status} /> },
        ]}
      />
    </>
  );
}

function useDistance(way: "units" | "spans") {
  const { t } = useTranslation("admin_content");
  return (written: string) => {
    const found = parted(written);
    return found ? t(`${way}.${found.unit}`, { count: found.count }) : written;
  };
}

function Opened({ template, back }: { template: Template; back: () => void }) {
  const { t } = useTranslation("admin_content");
  return (
    <>
      <Button onClick={back}>{t("templates.back")}</Button>
      <h2>
        {template.id} {said(template.name)}
      </h2>
      <Descriptions
        size="small"
        bordered
        column={4}
        items={[
          { key: "purpose", label: t("templates.purpose"), children: t(`purposes.${template.purpose}`) },
          { key: "anchor", label: t("templates.anchor"), children: t(`anchors.${template.anchor}`) },
          { key: "version", label: t("version"), children: template.version },
          { key: "status", label: t("status"), children: <Status status={template.status} /> },
          { key: "source", label: t("source"), span: 4, children: <span lang="en">{template.source}</span> },
        ]}
      />
      <h2>{t("templates.timeline")}</h2>
      <Timeline steps={template.steps} />
      <h2>{t("templates.preview")}</h2>
      <TemplateOutlook template={template} />
    </>
  );
}

function Timeline({ steps }: { steps: Step[] }) {
  const { t } = useTranslation("admin_content");
  const distance = useDistance("units");
  const lasting = useDistance("spans");
  const ends = steps.flatMap((step) => [daysOf(step.earliest), daysOf(step.latest), step.until ? daysOf(step.until) : 0]);
  const [first, last] = [Math.min(0, ...ends), Math.max(1, ...ends)];
  const place = (days: number) => `${((days - first) / (last - first)) * 100}%`;
  return (
    <Table<Step>
      size="small"
      rowKey="key"
      dataSource={steps}
      pagination={false}
      columns={[
        {
          title: t("templates.when"),
          key: "when",
          width: 230,
          render: (_, step) => (
            <>
              <b>{distance(step.target)}</b>
              <div className="admin-quiet">{t("templates.between", { from: distance(step.earliest), to: distance(step.latest) })}</div>
            </>
          ),
        },
        {
          title: t("templates.line"),
          key: "line",
          width: 300,
          render: (_, step) => (
            <div className="content-line" aria-hidden="true">
              <i className="content-anchor" style={{ left: place(0) }} />
              {step.every && <i className="content-repeats" style={{ left: place(daysOf(step.target)), right: `calc(100% - ${place(step.until ? daysOf(step.until) : last)})` }} />}
              <i className="content-window" style={{ left: place(daysOf(step.earliest)), right: `calc(100% - ${place(daysOf(step.latest))})` }} />
              <i className="content-target" style={{ left: place(daysOf(step.target)) }} />
            </div>
          ),
        },
        {
          title: t("templates.what"),
          key: "what",
          render: (_, step) => (
            <>
              {t(`modes.${step.mode}`)} <span className="admin-quiet">{[step.form, step.flow].filter(Boolean).join(" · ")}</span>
            </>
          ),
        },
        { title: t("templates.queue"), dataIndex: "queue" },
        {
          title: t("templates.repeats"),
          key: "every",
          width: 150,
          render: (_, step) =>
            step.every ? t(step.until ? "templates.every_until" : "templates.every", { every: lasting(step.every), until: step.until ? distance(step.until) : "" }) : "–",
        },
        { title: t("templates.holidays"), key: "holidays", width: 140, render: (_, step) => t(`holidays.${step.holidays}`) },
      ]}
    />
  );
}
