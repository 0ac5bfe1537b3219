// A contact outside of any plan, for a patient who is there or one who is added now.
import { App, Button, Form, Input, Modal, Segmented, Select } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, api, type Shape } from "@/api/client";
import { serverNow } from "@/live/server_clock";
import { said, type Both } from "@/words";
import type { Own } from "./hand";
import { instantOf, typed } from "./hospital_time";
import { useTold } from "./told";

const TYPING_MS = 300;
const DAY_MS = 86_400_000;

interface Typed {
  patient?: string;
  name?: string;
  record_number?: string;
  number?: string;
  sex?: "female" | "male";
  born?: string;
  queue: string;
  form?: string;
  target: string;
  latest: string;
}

export function TaskDialog({ own, onClose }: { own: Own | undefined; onClose: () => void }) {
  const { t } = useTranslation("work");
  const { message } = App.useApp();
  const told = useTold();
  const [added, setAdded] = useState<"known" | "new">("known");
  const [busy, setBusy] = useState(false);
  const queues = $api.useQuery("get", "/api/v1/queues");
  const forms = $api.useQuery("get", "/api/v1/forms");
  const patient = own?.patient && !own.patient.masked ? own.patient : null;
  const at = (ahead: number) => typed(new Date(Math.ceil((serverNow() + ahead) / 3_600_000) * 3_600_000).toISOString());

  async function save(said: Typed): Promise<void> {
    setBusy(true);
    try {
      const queue = queues.data!.queues.find((each) => each.id === said.queue)!;
      const patientId = added === "known" ? said.patient! : (await newPatient(said)).id;
      const [target, latest] = [instantOf(said.target)!, instantOf(said.latest)!];
      await api.POST("/api/v1/tasks", {
        body: { patient_id: patientId, queue_id: queue.id, purpose: queue.purpose, form: said.form ?? null, earliest_at: target, target_at: target, latest_at: latest, priority: 50 },
      });
      void message.success(t("task.added"));
      onClose();
    } catch (problem) {
      told(problem);
    } finally {
      setBusy(false);
    }
  }

  return (
    <Modal open title={t("task.title")} footer={null} onCancel={onClose} destroyOnHidden>
      <Form layout="vertical" requiredMark={false} onFinish={(values: Typed) => void save(values)} initialValues={{ patient: patient?.id, target: at(0), latest: at(2 * DAY_MS) }}>
        <Segmented className="apart" aria-label={t("task.who")} value={added} onChange={setAdded} options={[{ value: "known", label: t("task.known") }, { value: "new", label: t("task.new") }]} />
        {added === "known" ? (
          <Form.Item name="patient" label={t("task.patient")} rules={[{ required: true, message: t("needed") }]}>
            <PatientField first={patient ? { value: patient.id, label: patient.name } : null} />
          </Form.Item>
        ) : (
          <NewPatient />
        )}
        <div className="pair">
          <Form.Item name="queue" label={t("task.queue")} rules={[{ required: true, message: t("needed") }]}>
            <Select options={queues.data?.queues.filter((each) => each.mode === "agent").map((each) => ({ value: each.id, label: each.name }))} />
          </Form.Item>
          <Form.Item name="form" label={t("task.form")}>
            <Select allowClear showSearch={{ optionFilterProp: "label" }} options={forms.data?.forms.map((each) => ({ value: each.id, label: said(each.title as unknown as Both) }))} />
          </Form.Item>
        </div>
        <div className="pair">
          <Form.Item name="target" label={t("task.from")} rules={[{ required: true, message: t("needed") }]}>
            <Input type="datetime-local" />
          </Form.Item>
          <Form.Item name="latest" label={t("task.until")} rules={[{ required: true, message: t("needed") }]}>
            <Input type="datetime-local" />
          </Form.Item>
        </div>
        <Button htmlType="submit" type="primary" loading={busy}>
          {t("task.save")}
        </Button>
      </Form>
    </Modal>
  );
}

async function newPatient(said: Typed): Promise<Shape["PatientAnswer"]> {
  const { data } = await api.POST("/api/v1/patients", {
    body: {
      name: said.name!,
      record_number: said.record_number!,
      language: "zh",
      sex: said.sex ?? null,
      born: said.born || null,
      synthetic: false,
      contact_points: [{ number: said.number!, owner: "self", label: "", rank: 1 }],
    },
  });
  return data!;
}

function NewPatient() {
  const { t } = useTranslation("work");
  const needed = [{ required: true, message: t("needed") }];
  return (
    <>
      <div className="pair">
        <Form.Item name="name" label={t("task.name")} rules={needed}>
          <Input maxLength={200} />
        </Form.Item>
        <Form.Item name="record_number" label={t("task.record_number")} rules={needed}>
          <Input maxLength={64} />
        </Form.Item>
      </div>
      <div className="pair">
        <Form.Item name="number" label={t("task.number")} rules={needed}>
          <Input inputMode="tel" maxLength={40} />
        </Form.Item>
        <Form.Item name="sex" label={t("task.sex")}>
          <Select allowClear options={(["female", "male"] as const).map((each) => ({ value: each, label: t(`sex.${each}`) }))} />
        </Form.Item>
        <Form.Item name="born" label={t("task.born")}>
          <Input type="date" />
        </Form.Item>
      </div>
    </>
  );
}

interface FieldProps {
  id?: string;
  value?: string;
  onChange?: (value: string) => void;
  first: { value: string; label: string } | null;
}

/** Found by name, pinyin, number or its end. */
function PatientField({ id, value, onChange, first }: FieldProps) {
  const { t } = useTranslation("work");
  const [words, setWords] = useState("");
  const [timer, setTimer] = useState(0);
  const found = $api.useQuery("post", "/api/v1/patients/search", { body: { containing: words, limit: 20 } }, { enabled: words.length > 0 });
  const options = found.data?.patients.map((each) => ({ value: each.id, label: `${each.name} · ${each.record_number}` })) ?? (first ? [first] : []);
  return (
    <Select
      id={id}
      autoFocus
      value={value}
      onChange={onChange}
      placeholder={t("task.search")}
      loading={found.isFetching}
      options={options}
      showSearch={{
        filterOption: false,
        onSearch: (text) => {
          clearTimeout(timer);
          setTimer(window.setTimeout(() => setWords(text.trim()), TYPING_MS));
        },
      }}
    />
  );
}
