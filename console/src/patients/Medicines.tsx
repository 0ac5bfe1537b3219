// What is taken, on whose word, what was handed out for how many days, what the patient said about taking it.
import { Button, Empty, Form, InputNumber, Modal, Select, Table, Tag } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, api, type Shape } from "@/api/client";
import { serverNow } from "@/live/server_clock";
import { Loaded } from "@/shown/Loaded";
import { day, dayAndClock, isoDay } from "@/shown/instants";
import { choices, word } from "./codes";
import { Command, DayField, ReasonField, TextField } from "./Command";
import { Block, None } from "./Now";
import type { PartProps } from "./parts";

type Medicine = Shape["MedicineAnswer"];

export default function Medicines({ patientId }: PartProps) {
  const { t } = useTranslation("patients");
  const found = $api.useQuery("get", "/api/v1/patients/{patient_id}/medicines", { params: { path: { patient_id: patientId } } });
  const [story, setStory] = useState<Medicine | null>(null);
  const params = { path: { patient_id: patientId } };
  return (
    <>
      <div className="record-bar">
        <Command<{ name: string; dose?: string; schedule?: string; code?: string; basis: Shape["MedicineBasis"]; since?: string }>
          label={t("medicines.add")}
          initial={{ basis: "reported" }}
          run={({ name, dose, schedule, code, basis, since }) =>
            api.POST("/api/v1/patients/{patient_id}/medicines", {
              params,
              body: { name, dose: dose ?? "", schedule: schedule ?? "", code: code ?? "", basis, since: since || null, reason: "" },
            })
          }
        >
          <TextField name="name" label={t("medicines.name")} />
          <TextField name="dose" label={t("medicines.dose")} needed={false} />
          <TextField name="schedule" label={t("medicines.schedule")} needed={false} />
          <TextField name="code" label={t("medicines.code")} needed={false} max={20} />
          <Form.Item name="basis" label={t("medicines.basis")}>
            <Select options={choices("basis")} />
          </Form.Item>
          <DayField name="since" label={t("medicines.since")} needed={false} />
        </Command>
        <Command<{ name: string; code: string; days: number; on: string }>
          label={t("medicines.dispense")}
          initial={{ on: isoDay(new Date(serverNow())) }}
          run={({ name, code, days, on }) => api.POST("/api/v1/patients/{patient_id}/dispenses", { params, body: { name, code, days_supplied: days, dispensed_on: on } })}
        >
          <TextField name="name" label={t("medicines.name")} />
          <TextField name="code" label={t("medicines.code")} max={20} />
          <Form.Item name="days" label={t("medicines.days_supplied")} rules={[{ required: true, message: t("needed") }]}>
            <InputNumber min={1} max={366} precision={0} />
          </Form.Item>
          <DayField name="on" label={t("medicines.dispensed_on")} />
        </Command>
      </div>
      <Loaded query={found}>
        {({ medicines, coverage, said }) => (
          <div className="record-grid">
            <Block title={t("medicines.taken")} wide>
              <Table<Medicine>
                size="small"
                rowKey="id"
                dataSource={medicines}
                pagination={false}
                locale={{ emptyText: <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t("medicines.none")} /> }}
                columns={[
                  { title: t("medicines.name"), dataIndex: "name", render: (name: string, one) => <strong className={one.state === "active" ? undefined : "record-past"}>{name}</strong> },
                  { title: t("medicines.dose"), dataIndex: "dose" },
                  { title: t("medicines.schedule"), dataIndex: "schedule" },
                  { title: t("medicines.basis"), key: "basis", render: (_, one) => word("basis", one.basis) },
                  { title: t("medicines.state"), key: "state", render: (_, one) => <Tag color={one.state === "active" ? "green" : undefined}>{word("medicine_state", one.state)}</Tag> },
                  { title: t("medicines.since"), key: "since", render: (_, one) => one.since && day(one.since) },
                  { title: t("medicines.until"), key: "until", render: (_, one) => one.until && day(one.until) },
                  {
                    title: <span className="for-readers">{t("medicines.change")}</span>,
                    key: "acts",
                    render: (_, one) => (
                      <span className="record-acts">
                        <Change medicine={one} />
                        {one.version > 1 && (
                          <Button size="small" type="link" onClick={() => setStory(one)}>
                            {t("medicines.story")}
                          </Button>
                        )}
                      </span>
                    ),
                  },
                ]}
              />
            </Block>
            <Block title={t("medicines.coverage")}>
              <None of={coverage} />
              <ul className="record-lines">
                {coverage.map((one) => (
                  <li key={`${one.code}${one.starts_on}`}>
                    {one.name} <Tag color={one.adherent ? "green" : "gold"}>{t(one.adherent ? "medicines.adherent" : "medicines.not_adherent")}</Tag>
                    <span className="quiet">
                      {t("medicines.covered", { from: day(one.starts_on), until: day(one.ends_on), covered: one.days_covered, days: one.days, share: Math.round(one.share * 100) })}
                    </span>
                  </li>
                ))}
              </ul>
            </Block>
            <Block title={t("medicines.said")}>
              <None of={said} />
              <ul className="record-lines">
                {said.map((one) => (
                  <li key={one.id}>
                    {one.said} {one.missed_days !== null && <Tag color="gold">{t("medicines.missed", { count: one.missed_days })}</Tag>}
                    <span className="quiet">{dayAndClock(one.at)}</span>
                  </li>
                ))}
              </ul>
            </Block>
          </div>
        )}
      </Loaded>
      {story && <Story medicine={story} onClose={() => setStory(null)} />}
    </>
  );
}

function Change({ medicine }: { medicine: Medicine }) {
  const { t } = useTranslation("patients");
  return (
    <Command<{ dose?: string; schedule?: string; state: Shape["MedicineState"]; until?: string; reason: string }>
      label={t("medicines.change")}
      title={t("medicines.change_for", { name: medicine.name })}
      button={{ type: "link" }}
      initial={{ dose: medicine.dose, schedule: medicine.schedule, state: medicine.state }}
      run={({ dose, schedule, state, until, reason }) =>
        api.POST("/api/v1/medicines/{medicine_id}/changes", { params: { path: { medicine_id: medicine.id } }, body: { dose: dose ?? "", schedule: schedule ?? "", state, until: until || null, reason } })
      }
    >
      <TextField name="dose" label={t("medicines.dose")} needed={false} />
      <TextField name="schedule" label={t("medicines.schedule")} needed={false} />
      <Form.Item name="state" label={t("medicines.state")}>
        <Select options={choices("medicine_state")} />
      </Form.Item>
      <DayField name="until" label={t("medicines.until")} needed={false} />
      <ReasonField />
    </Command>
  );
}

function Story({ medicine, onClose }: { medicine: Medicine; onClose: () => void }) {
  const { t } = useTranslation("patients");
  const versions = $api.useQuery("get", "/api/v1/medicines/{medicine_id}", { params: { path: { medicine_id: medicine.id } } });
  return (
    <Modal open title={`${t("medicines.story")}: ${medicine.name}`} footer={null} onCancel={onClose}>
      <Loaded query={versions}>
        {({ versions: found }) => (
          <ol className="record-lines">
            {found.map((one) => (
              <li key={`${one.id}${one.version}`}>
                {[one.dose, one.schedule, word("medicine_state", one.state)].filter(Boolean).join(" · ")} <span className="quiet">{[dayAndClock(one.recorded_at), one.reason].filter(Boolean).join(" · ")}</span>
              </li>
            ))}
          </ol>
        )}
      </Loaded>
    </Modal>
  );
}
