// A new campaign, written as a draft.
import { useNavigate } from "@tanstack/react-router";
import { App, Button, DatePicker, Form, Input, InputNumber, Modal, Radio, Select, Space } from "antd";
import type { Dayjs } from "dayjs";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { useHasRole } from "@/api/me";
import { instantAt } from "@/shown/instants";
import { ProblemNote } from "@/shown/ProblemNote";
import { said, type Both } from "@/words";
import { flowWords } from "./shown";

type Ask = Shape["CampaignAsk"];

interface Typed {
  name: string;
  queue: string;
  flow?: string;
  form?: string;
  kind: Ask["audience"]["kind"];
  visit_kind?: "discharge" | "appointment" | "enrolment";
  departments?: string[];
  visited?: [Dayjs, Dayjs];
  import_id?: string;
  patient_ids?: string[];
  window: [Dayjs, Dayjs];
  calls_per_day?: number | null;
}

interface Props {
  queues: Shape["QueueAnswer"][];
  onClose: () => void;
  onSaved: () => void;
}

/** A picked day and hour is the hospital's, wherever the browser thinks it is. */
function hospital(picked: Dayjs): string {
  return instantAt(picked.format("YYYY-MM-DD"), picked.format("HH:mm"));
}

function bodyOf(typed: Typed, queue: Shape["QueueAnswer"]): Ask {
  const nobody = { departments: [], patient_ids: [] };
  const audience: Ask["audience"] =
    typed.kind === "visits"
      ? {
          ...nobody,
          kind: "visits",
          visit_kind: typed.visit_kind ?? "discharge",
          departments: typed.departments ?? [],
          ...(typed.visited
            ? {
                visited_from: instantAt(typed.visited[0].format("YYYY-MM-DD"), "00:00"),
                visited_until: instantAt(typed.visited[1].add(1, "day").format("YYYY-MM-DD"), "00:00"),
              }
            : {}),
        }
      : typed.kind === "import"
        ? { ...nobody, kind: "import", import_id: typed.import_id ?? null }
        : { ...nobody, kind: "patients", patient_ids: typed.patient_ids ?? [] };
  return {
    name: typed.name,
    purpose: queue.purpose,
    queue_id: queue.id,
    flow: queue.mode === "automated" ? (typed.flow ?? null) : null,
    form: typed.form ?? null,
    audience,
    from_at: hospital(typed.window[0]),
    until_at: hospital(typed.window[1]),
    hours: [],
    calls_per_day: typed.calls_per_day ?? null,
    priority: 60,
  };
}

export function CampaignForm({ queues, onClose, onSaved }: Props) {
  const { t } = useTranslation("campaigns");
  const { message } = App.useApp();
  const go = useNavigate();
  const [form] = Form.useForm<Typed>();
  const queueId = Form.useWatch("queue", form);
  const kind = Form.useWatch("kind", form);
  const queue = queues.find((each) => each.id === queueId);
  const flows = $api.useQuery("get", "/api/v1/campaign-flows", undefined, { staleTime: Infinity });
  const forms = $api.useQuery("get", "/api/v1/forms", undefined, { staleTime: Infinity });
  const supervises = useHasRole("supervisor", "registrar");
  const imports = $api.useQuery("get", "/api/v1/imports", { params: { query: { limit: 50 } } }, { enabled: supervises && kind === "import" });
  const save = $api.useMutation("post", "/api/v1/campaigns", {
    onSuccess: (made) => {
      void message.success(t("form.saved"));
      onSaved();
      void go({ to: "/campaigns/$campaignId", params: { campaignId: made.id } });
    },
  });
  const required = [{ required: true, message: t("form.required") }];
  return (
    <Modal open width={720} title={t("form.title")} footer={null} onCancel={onClose}>
      <p>{t("form.help")}</p>
      <Form<Typed>
        form={form}
        layout="vertical"
        requiredMark={false}
        initialValues={{ kind: "visits", visit_kind: "discharge" }}
        onFinish={(typed) => queue && save.mutate({ body: bodyOf(typed, queue) })}
      >
        <Form.Item name="name" label={t("form.name")} rules={[{ required: true, whitespace: true, message: t("form.required") }]}>
          <Input maxLength={100} />
        </Form.Item>
        <Space size={16} align="start" wrap>
          <Form.Item name="queue" label={t("form.queue")} rules={required}>
            <Select
              style={{ width: 320 }}
              placeholder={t("list_of.choose_queue")}
              options={queues.map((each) => ({ value: each.id, label: `${each.name} · ${t(`purposes.${each.purpose}`)}` }))}
            />
          </Form.Item>
          {queue?.mode === "automated" && (
            <Form.Item name="flow" label={t("form.flow")} rules={required}>
              <Select style={{ width: 320 }} options={flows.data?.flows.map((flow) => ({ value: flow.id, label: flowWords(flow.id) }))} />
            </Form.Item>
          )}
          {queue?.mode === "agent" && (
            <Form.Item name="form" label={t("form.form")} rules={required}>
              <Select
                style={{ width: 320 }}
                showSearch={{ optionFilterProp: "label" }}
                options={forms.data?.forms.map((each) => ({ value: each.id, label: said(each.title as unknown as Both) }))}
              />
            </Form.Item>
          )}
        </Space>
        <Form.Item name="kind" label={t("form.audience")}>
          <Radio.Group options={(["visits", "import", "patients"] as const).map((value) => ({ value, label: t(`form.kinds.${value}`) }))} />
        </Form.Item>
        {kind === "visits" && (
          <Space size={16} align="start" wrap>
            <Form.Item name="visit_kind" label={t("form.visit_kind")}>
              <Select
                style={{ width: 140 }}
                options={(["discharge", "appointment", "enrolment"] as const).map((value) => ({ value, label: t(`form.visit_kinds.${value}`) }))}
              />
            </Form.Item>
            <Form.Item name="visited" label={t("form.visited")} rules={required}>
              <DatePicker.RangePicker />
            </Form.Item>
            <Form.Item name="departments" label={t("form.departments")}>
              <Select mode="tags" open={false} suffixIcon={null} style={{ width: 320 }} />
            </Form.Item>
          </Space>
        )}
        {kind === "import" && (
          <Form.Item name="import_id" label={t("form.import")} rules={required}>
            <Select
              notFoundContent={t("form.no_imports")}
              loading={imports.isFetching}
              options={imports.data?.imports
                .filter((each) => each.state === "applied")
                .map((each) => ({ value: each.id, label: `${each.file_name} (${each.total})` }))}
            />
          </Form.Item>
        )}
        {kind === "patients" && (
          <Form.Item name="patient_ids" label={t("form.patients")} rules={required}>
            <Select mode="tags" open={false} suffixIcon={null} tokenSeparators={[",", " ", "\n"]} />
          </Form.Item>
        )}
        <Space size={16} align="start" wrap>
          <Form.Item name="window" label={t("form.window")} rules={required}>
            <DatePicker.RangePicker showTime={{ format: "HH:mm" }} format="YYYY-MM-DD HH:mm" />
          </Form.Item>
          <Form.Item name="calls_per_day" label={t("form.per_day")}>
            <InputNumber min={1} max={1_000_000} style={{ width: 160 }} />
          </Form.Item>
        </Space>
        {save.error && <ProblemNote problem={save.error} />}
        <div className="campaigns-actions">
          <Button onClick={onClose}>{t("form.cancel")}</Button>
          <Button type="primary" htmlType="submit" loading={save.isPending}>
            {t("form.save")}
          </Button>
        </div>
      </Form>
    </Modal>
  );
}
