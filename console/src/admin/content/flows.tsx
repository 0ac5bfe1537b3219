// Automated calls: each step with what is said and where every key leads, and a walk through it without calling anybody.
import { Button, Descriptions, Table, Tabs, Tag } from "antd";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { Loaded } from "@/shown/Loaded";
import { said } from "@/words";
import { useChosen } from "./chosen";
import { Ending, FlowWalk } from "./flow_walk";
import { Status } from "./templates";
import "./content.css";
import "./words";

type Flow = Shape["FlowAnswer"];
type Step = Shape["FlowStepAnswer"];

export default function Flows() {
  const { t } = useTranslation("admin_content");
  const [open, choose] = useChosen("flows");
  const flows = $api.useQuery("get", "/api/v1/flows");
  return (
    <Loaded query={flows} isEmpty={(found) => found.flows.length === 0} empty={t("flows.none")}>
      {(found) => {
        const chosen = found.flows.find((one) => one.id === open);
        return chosen ? <Opened flow={chosen} back={() => choose(undefined)} /> : <FlowList flows={found.flows} choose={choose} />;
      }}
    </Loaded>
  );
}

function useFlowName() {
  const { t } = useTranslation("admin_content");
  return (id: string) => t(`flow_names.${id as "recheck_reminder"}`, id);
}

function FlowList({ flows, choose }: { flows: Flow[]; choose: (id: string) => void }) {
  const { t } = useTranslation("admin_content");
  const nameOf = useFlowName();
  return (
    <>
      <p className="admin-quiet">{t("flows.shipped")}</p>
      <Table<Flow>
        size="small"
        rowKey="id"
        dataSource={flows}
        pagination={false}
        columns={[
          {
            title: t("title"),
            key: "title",
            render: (_, one) => (
              <Button type="link" className="content-link" onClick={() => choose(one.id)}>
                {nameOf(one.id)}
              </Button>
            ),
          },
          { title: t("number"), key: "id", render: (_, one) => <span className="admin-mono">{one.id}</span> },
          { title: t("flows.steps"), key: "steps", width: 80, align: "right", render: (_, one) => one.steps.length },
          { title: t("version"), dataIndex: "version", width: 80, align: "right" },
          { title: t("status"), key: "status", width: 110, render: (_, one) => <Status status={one.status} /> },
        ]}
      />
    </>
  );
}

function Opened({ flow, back }: { flow: Flow; back: () => void }) {
  const { t } = useTranslation("admin_content");
  const nameOf = useFlowName();
  return (
    <>
      <Button onClick={back}>{t("flows.back")}</Button>
      <h2>{nameOf(flow.id)}</h2>
      <Descriptions
        size="small"
        bordered
        column={3}
        items={[
          { key: "id", label: t("number"), children: flow.id },
          { key: "version", label: t("version"), children: flow.version },
          { key: "status", label: t("status"), children: <Status status={flow.status} /> },
          { key: "source", label: t("source"), span: 3, children: <span lang="en">{flow.source}</span> },
        ]}
      />
      <Tabs
        items={[
          { key: "steps", label: t("flows.steps"), children: <Steps flow={flow} /> },
          { key: "walk", label: t("flows.walk"), children: <FlowWalk key={`${flow.id} ${flow.version}`} flow={flow} /> },
        ]}
      />
    </>
  );
}

function Steps({ flow }: { flow: Flow }) {
  const { t } = useTranslation("admin_content");
  const places = new Map(flow.steps.map((step, place) => [step.key, place + 1]));
  const goesTo = (key: string) => t("flows.step", { number: places.get(key) ?? key });
  return (
    <>
      <p className="admin-quiet">{t("flows.zero")}</p>
      <Table<Step>
        size="small"
        rowKey="key"
        dataSource={flow.steps}
        pagination={false}
        columns={[
          { title: t("forms.no_"), key: "number", width: 60, render: (_, step) => places.get(step.key) },
          {
            title: t("flows.says"),
            key: "says",
            render: (_, step) => (
              <>
                {step.says.map((one) => (
                  <div key={one.key}>{said(one.text)}</div>
                ))}
                {step.key === flow.start && <Tag color="blue">{t("flows.start")}</Tag>}
                {step.proves && <Tag color="purple">{t("flows.proves")}</Tag>}
                {step.refuses_recording && <Tag>{t("flows.refuses_recording")}</Tag>}
                {step.opts_out && <Tag>{t("flows.opts_out")}</Tag>}
                {step.owes_person && <Tag>{t("flows.owes_person")}</Tag>}
                {step.appointment && <Tag>{t(`appointment_triggers.${step.appointment}`)}</Tag>}
              </>
            ),
          },
          {
            title: t("flows.leads"),
            key: "leads",
            width: 260,
            render: (_, step) => (
              <ul className="content-lines">
                {Object.entries(step.keys).map(([pressed, next]) => (
                  <li key={pressed}>
                    <kbd>{pressed}</kbd> → {goesTo(next)}
                  </li>
                ))}
                {step.entry && (
                  <li>
                    {t(`entries.${step.entry.kind}`, { least: step.entry.minimum, most: step.entry.maximum })} → {goesTo(step.entry.then)}
                  </li>
                )}
                {step.otherwise && (
                  <li className="admin-quiet">
                    {t(Object.keys(step.keys).length > 0 || step.entry ? "flows.silence" : "flows.then")} → {goesTo(step.otherwise)}
                  </li>
                )}
              </ul>
            ),
          },
          { title: t("flows.ends"), key: "ends", width: 200, render: (_, step) => (step.ending ? <Ending ending={step.ending} /> : "–") },
        ]}
      />
    </>
  );
}
