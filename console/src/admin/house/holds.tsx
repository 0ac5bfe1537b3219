// Legal holds: placed by one, lifted by two.
import { Button, Form, Input, Modal, Radio, Space, Switch, Table, Tag } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { useMe } from "@/api/me";
import { DayField } from "@/shown/DayField";
import { day, dayAndClock } from "@/shown/instants";
import { Loaded } from "@/shown/Loaded";
import { useTold } from "./told";
import "./words";

type Hold = Shape["HoldAnswer"];

const COLORS: Record<string, string> = { held: "blue", release_asked: "warning" };

export default function Holds() {
  const { t } = useTranslation("admin_house");
  const me = useMe();
  const told = useTold();
  const [past, setPast] = useState(false);
  const holds = $api.useQuery("get", "/api/v1/legal-holds", { params: { query: { holding_only: !past, limit: 200 } } });
  const [placing, setPlacing] = useState(false);
  const [asking, setAsking] = useState<{ hold: Hold; what: "ask" | "refuse" }>();
  const release = $api.useMutation("post", "/api/v1/legal-holds/{hold_id}/release", {
    onSuccess: () => told.done(t("holds.released"), "/legal-holds"),
    onError: told.failed,
  });
  return (
    <>
      <div className="admin-row">
        <label>
          <Switch size="small" checked={past} onChange={setPast} /> {t("holds.show_past")}
        </label>
        <Button type="primary" style={{ marginInlineStart: "auto" }} onClick={() => setPlacing(true)}>
          {t("holds.place")}
        </Button>
      </div>
      <Loaded query={holds} isEmpty={(found) => found.legal_holds.length === 0} empty={t("holds.none")}>
        {(found) => (
          <Table<Hold>
            size="small"
            rowKey="id"
            dataSource={found.legal_holds}
            pagination={{ pageSize: 15, showSizeChanger: false, hideOnSinglePage: true }}
            columns={[
              {
                title: t("holds.case"),
                key: "case",
                render: (_, hold) => (
                  <>
                    <strong>{hold.case}</strong>
                    <div>{hold.reason}</div>
                    {hold.release_because && <div className="admin-quiet">{t("holds.release_because", { because: hold.release_because })}</div>}
                  </>
                ),
              },
              {
                title: t("holds.of"),
                key: "of",
                render: (_, hold) => (
                  <>
                    {t(hold.recording_id ? "holds.one_recording" : "holds.all_of_patient")}
                    <div className="admin-mono">{hold.recording_id ?? hold.patient_id}</div>
                  </>
                ),
              },
              { title: t("holds.placed"), key: "placed", width: 150, render: (_, hold) => dayAndClock(hold.placed_at) },
              { title: t("holds.until"), key: "until", width: 120, render: (_, hold) => (hold.until ? day(hold.until) : t("holds.until_lifted")) },
              { title: t("state"), key: "state", width: 120, render: (_, hold) => <Tag color={COLORS[hold.state]}>{t(`holds.states.${hold.state}`)}</Tag> },
              {
                title: t("actions"),
                key: "actions",
                width: 190,
                render: (_, hold) =>
                  hold.ended_at ? null : hold.release_asked_by === null ? (
                    <Button size="small" onClick={() => setAsking({ hold, what: "ask" })}>
                      {t("holds.ask_release")}
                    </Button>
                  ) : hold.release_asked_by === me.data?.user_id ? (
                    t("holds.wait_for_second")
                  ) : (
                    <Space size={4}>
                      <Button size="small" danger onClick={() => release.mutate({ params: { path: { hold_id: hold.id } } })}>
                        {t("holds.release")}
                      </Button>
                      <Button size="small" onClick={() => setAsking({ hold, what: "refuse" })}>
                        {t("holds.refuse")}
                      </Button>
                    </Space>
                  ),
              },
            ]}
          />
        )}
      </Loaded>
      {placing && <PlaceForm close={() => setPlacing(false)} />}
      {asking && <BecauseForm {...asking} close={() => setAsking(undefined)} />}
    </>
  );
}

function PlaceForm({ close }: { close: () => void }) {
  const { t } = useTranslation("admin_house");
  const told = useTold();
  const [form] = Form.useForm<{ of: "recording" | "patient"; id: string; case: string; reason: string; until?: string }>();
  const place = $api.useMutation("post", "/api/v1/legal-holds", {
    onSuccess: () => {
      told.done(t("holds.was_placed"), "/legal-holds");
      close();
    },
    onError: told.failed,
  });
  const needed = [{ required: true, whitespace: true, message: t("needed") }];
  return (
    <Modal open title={t("holds.place")} okText={t("holds.place")} confirmLoading={place.isPending} onCancel={close} onOk={() => form.submit()}>
      <Form
        form={form}
        layout="vertical"
        initialValues={{ of: "recording" }}
        onFinish={(filled) =>
          place.mutate({
            body: {
              recording_id: filled.of === "recording" ? filled.id.trim() : null,
              patient_id: filled.of === "patient" ? filled.id.trim() : null,
              case: filled.case,
              reason: filled.reason,
              until: filled.until || null,
            },
          })
        }
      >
        <Form.Item name="of" label={t("holds.of")}>
          <Radio.Group
            options={[
              { value: "recording", label: t("holds.one_recording") },
              { value: "patient", label: t("holds.all_of_patient") },
            ]}
          />
        </Form.Item>
        <Form.Item name="id" label={t("holds.id")} extra={t("holds.id_help")} rules={needed}>
          <Input />
        </Form.Item>
        <Form.Item name="case" label={t("holds.case")} rules={needed}>
          <Input maxLength={100} />
        </Form.Item>
        <Form.Item name="reason" label={t("reason")} rules={[{ required: true, min: 3, message: t("needed") }]}>
          <Input.TextArea rows={2} maxLength={500} />
        </Form.Item>
        <Form.Item name="until" label={t("holds.until_or_none")}>
          <DayField />
        </Form.Item>
      </Form>
    </Modal>
  );
}

function BecauseForm({ hold, what, close }: { hold: Hold; what: "ask" | "refuse"; close: () => void }) {
  const { t } = useTranslation("admin_house");
  const told = useTold();
  const [because, setBecause] = useState("");
  const ended = {
    onSuccess: () => {
      told.done(t(what === "ask" ? "holds.asked" : "holds.refused"), "/legal-holds");
      close();
    },
    onError: told.failed,
  };
  const ask = $api.useMutation("post", "/api/v1/legal-holds/{hold_id}/ask-release", ended);
  const refuse = $api.useMutation("post", "/api/v1/legal-holds/{hold_id}/refuse-release", ended);
  return (
    <Modal
      open
      title={t(what === "ask" ? "holds.ask_release" : "holds.refuse")}
      okText={t("save")}
      okButtonProps={{ disabled: because.trim().length < 3 }}
      confirmLoading={ask.isPending || refuse.isPending}
      onCancel={close}
      onOk={() => (what === "ask" ? ask : refuse).mutate({ params: { path: { hold_id: hold.id } }, body: { because: because.trim() } })}
    >
      <p>{t("holds.two_people")}</p>
      <label htmlFor="hold-because">{t("reason")}</label>
      <Input.TextArea id="hold-because" rows={2} maxLength={500} value={because} onChange={(event) => setBecause(event.target.value)} />
    </Modal>
  );
}
