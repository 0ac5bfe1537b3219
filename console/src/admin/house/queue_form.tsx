// All rules of one queue. A change is kept with its reason; calls that are up go on as they began.
import { Form, Input, InputNumber, Modal, Select, Switch, Tabs } from "antd";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { useHasRole } from "@/api/me";
import { useTold } from "./told";

type Queue = Shape["QueueAnswer"];

const MODES = ["agent", "automated"] as const;
const STYLES = ["preview", "progressive", "predictive", "agentless"] as const;
const PURPOSES = ["care", "reminder", "survey", "complaint", "marketing", "research"] as const;
const MERGES = ["never", "same_queue", "any"] as const;
const ON_MACHINE = ["hang_up", "neutral_message", "to_agent"] as const;
const EXPIRED = ["break", "available"] as const;
const SHOWN = ["always", "speaking", "hidden"] as const;

interface Filled {
  name: string;
  mode: Queue["mode"];
  purpose: Queue["purpose"];
  language: "zh" | "en" | "any";
  dialect: string;
  skills: string[];
  policy: string;
  ring_seconds: number;
  wrap_up_seconds: number;
  lines: number;
  on_machine: Queue["on_machine"];
  played_notice: boolean;
  style: Queue["style"];
  preview_seconds: number;
  expired_preview: Queue["expired_preview"];
  same_nurse_seconds: number;
  merges: Queue["merges"];
  supervision_shown: Queue["supervision_shown"];
  free_numbers: boolean;
  reason: string;
}

export function QueueForm({ queue, close }: { queue?: Queue; close: () => void }) {
  const { t } = useTranslation("admin_house");
  const told = useTold();
  const administers = useHasRole("admin");
  const [form] = Form.useForm<Filled>();
  const mode = Form.useWatch("mode", form) ?? queue?.mode ?? "agent";
  const rules = $api.useQuery("get", "/api/v1/calling-rules");
  const create = $api.useMutation("post", "/api/v1/queues");
  const change = $api.useMutation("patch", "/api/v1/queues/{queue_id}");
  const supervise = $api.useMutation("put", "/api/v1/queues/{queue_id}/supervision");

  async function save(filled: Filled) {
    const { supervision_shown, free_numbers, reason, mode: kind, purpose, language, dialect, ...same } = filled;
    try {
      let id = queue?.id;
      if (id) {
        await change.mutateAsync({ params: { path: { queue_id: id } }, body: { ...same, language, dialect: dialect ?? "", reason } });
      } else {
        const made = await create.mutateAsync({
          body: { ...same, mode: kind, purpose, language: language === "any" ? null : language, dialect: dialect || null },
        });
        id = made.id;
      }
      if (administers) {
        await supervise.mutateAsync({ params: { path: { queue_id: id } }, body: { shown: supervision_shown, free_numbers } });
      }
      told.done(t(queue ? "queues.changed" : "queues.added", { name: filled.name }), "/queues");
      close();
    } catch (problem) {
      told.failed(problem);
    }
  }

  const choices = <One extends string>(of: readonly One[], words: (one: One) => string) => of.map((one) => ({ value: one, label: words(one) }));
  const needed = [{ required: true, message: t("needed") }];
  const tag = { pattern: /^[a-z0-9][a-z0-9_-]{0,39}$/, message: t("skills.tag_help") };
  return (
    <Modal
      open
      width={760}
      title={queue ? t("queues.edit_title", { name: queue.name }) : t("queues.add")}
      okText={t("save")}
      confirmLoading={create.isPending || change.isPending || supervise.isPending}
      onCancel={close}
      onOk={() => form.submit()}
    >
      <Form
        form={form}
        layout="vertical"
        size="small"
        onFinish={(filled) => void save(filled)}
        initialValues={{
          mode: "agent",
          purpose: "care",
          style: "preview",
          policy: "default",
          ring_seconds: 30,
          wrap_up_seconds: 60,
          lines: 1,
          on_machine: "hang_up",
          played_notice: false,
          skills: [],
          preview_seconds: 120,
          expired_preview: "break",
          same_nurse_seconds: 300,
          merges: "any",
          supervision_shown: "always",
          free_numbers: false,
          ...queue,
          language: queue?.language ?? "any",
          dialect: queue?.dialect ?? "",
        }}
      >
        <Tabs
          items={[
            {
              key: "who",
              label: t("queues.tab_what"),
              forceRender: true,
              children: (
                <div className="admin-fields">
                  <Form.Item name="name" label={t("queues.name")} rules={needed} className="wide">
                    <Input maxLength={100} />
                  </Form.Item>
                  <Form.Item name="mode" label={t("queues.mode")}>
                    <Select disabled={!!queue} options={choices(MODES, (one) => t(`queues.modes.${one}`))} />
                  </Form.Item>
                  <Form.Item name="purpose" label={t("queues.purpose")}>
                    <Select disabled={!!queue} options={choices(PURPOSES, (one) => t(`purposes.${one}`))} />
                  </Form.Item>
                  <Form.Item name="style" label={t("queues.style")} className="wide">
                    <Select
                      options={STYLES.filter((one) => (one === "agentless") === (mode === "automated")).map((one) => ({
                        value: one,
                        label: `${t(`queues.styles.${one}`)} · ${t(`queues.styles_about.${one}`)}`,
                      }))}
                    />
                  </Form.Item>
                  <Form.Item name="language" label={t("skills.language")}>
                    <Select options={choices(["any", "zh", "en"] as const, (one) => t(`languages.${one}`))} />
                  </Form.Item>
                  <Form.Item name="dialect" label={t("skills.dialect")} rules={[tag]}>
                    <Input />
                  </Form.Item>
                  <Form.Item name="skills" label={t("skills.skills")} className="wide">
                    <Select mode="tags" />
                  </Form.Item>
                </div>
              ),
            },
            {
              key: "calls",
              label: t("queues.tab_calls"),
              forceRender: true,
              children: (
                <div className="admin-fields">
                  <Form.Item name="policy" label={t("queues.policy")} rules={needed}>
                    <Select options={(rules.data?.policies ?? []).map((policy) => ({ value: policy.id, label: t("queues.policy_of", { id: policy.id, count: policy.max_attempts }) }))} />
                  </Form.Item>
                  <Form.Item name="lines" label={t("queues.lines")} rules={needed}>
                    <InputNumber min={1} max={1000} />
                  </Form.Item>
                  <Form.Item name="ring_seconds" label={t("queues.ring_seconds")} rules={needed}>
                    <InputNumber min={5} max={120} />
                  </Form.Item>
                  <Form.Item name="wrap_up_seconds" label={t("queues.wrap_up_seconds")} rules={needed}>
                    <InputNumber min={0} max={3600} />
                  </Form.Item>
                  <Form.Item name="preview_seconds" label={t("queues.preview_seconds")} rules={needed}>
                    <InputNumber min={10} max={1800} />
                  </Form.Item>
                  <Form.Item name="expired_preview" label={t("queues.expired_preview")}>
                    <Select options={choices(EXPIRED, (one) => t(`queues.expired.${one}`))} />
                  </Form.Item>
                  <Form.Item name="same_nurse_seconds" label={t("queues.same_nurse_seconds")} rules={needed}>
                    <InputNumber min={0} max={86_400} />
                  </Form.Item>
                  <Form.Item name="merges" label={t("queues.merge")}>
                    <Select options={choices(MERGES, (one) => t(`queues.merges.${one}`))} />
                  </Form.Item>
                  <Form.Item name="on_machine" label={t("queues.on_machine")}>
                    <Select options={choices(ON_MACHINE, (one) => t(`queues.machine.${one}`))} />
                  </Form.Item>
                  <Form.Item name="played_notice" label={t("queues.played_notice")} valuePropName="checked">
                    <Switch />
                  </Form.Item>
                </div>
              ),
            },
            {
              key: "supervision",
              label: t("queues.tab_supervision"),
              forceRender: true,
              children: (
                <div className="admin-fields">
                  <Form.Item name="supervision_shown" label={t("queues.shown_title")} className="wide" extra={administers ? undefined : t("queues.only_admin")}>
                    <Select disabled={!administers} options={choices(SHOWN, (one) => t(`queues.shown.${one}`))} />
                  </Form.Item>
                  <Form.Item name="free_numbers" label={t("queues.free_numbers")} valuePropName="checked" className="wide">
                    <Switch disabled={!administers} />
                  </Form.Item>
                </div>
              ),
            },
          ]}
        />
        {queue && (
          <Form.Item name="reason" label={t("queues.why")} rules={[{ required: true, min: 3, message: t("needed") }]}>
            <Input maxLength={500} placeholder={t("queues.why_help")} />
          </Form.Item>
        )}
      </Form>
    </Modal>
  );
}
