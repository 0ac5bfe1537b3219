// All the tasks of an agent to somebody else at once, as when she is ill; what is being called stays.
import { Alert, App, Button, Form, Input, Radio, Select } from "antd";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { ProblemNote } from "@/shown/ProblemNote";
import type { WallAgent, WallQueue } from "./useWall";

interface Props {
  agent: WallAgent;
  agents: readonly WallAgent[];
  queues: readonly WallQueue[];
  onDone: () => void;
}

interface Typed {
  to: "everybody" | "agent" | "queue";
  agent?: string;
  queue?: string;
  reason: string;
}

export function ReassignForm({ agent, agents, queues, onDone }: Props) {
  const { t } = useTranslation("wall");
  const { message } = App.useApp();
  const [form] = Form.useForm<Typed>();
  const to = Form.useWatch("to", form);
  const give = $api.useMutation("post", "/api/v1/tasks/reassign", {
    onSuccess: ({ moved, left }) => {
      void message.success(moved.length || left.length ? t("drawer.moved", { count: moved.length }) : t("drawer.nothing"));
      onDone();
    },
  });
  const go = (typed: Typed) =>
    give.mutate({
      body: {
        of_agent_id: agent.agent_id,
        reason: typed.reason,
        ...(typed.to === "agent" ? { to_agent_id: typed.agent } : {}),
        ...(typed.to === "queue" ? { to_queue_id: typed.queue } : {}),
      },
    });
  const others = agents.filter((other) => other.agent_id !== agent.agent_id);
  return (
    <section aria-labelledby="wall-reassign">
      <h3 id="wall-reassign">{t("drawer.reassign")}</h3>
      <p className="wall-detail">{t("drawer.reassign_help")}</p>
      <Form<Typed> form={form} layout="vertical" requiredMark={false} initialValues={{ to: "everybody" }} onFinish={go}>
        <Form.Item name="to" label={t("drawer.to")}>
          <Radio.Group
            options={[
              { value: "everybody", label: t("drawer.to_everybody") },
              { value: "agent", label: t("drawer.to_agent") },
              { value: "queue", label: t("drawer.to_queue") },
            ]}
          />
        </Form.Item>
        {to === "agent" && (
          <Form.Item name="agent" label={t("drawer.agent")} rules={[{ required: true, message: t("drawer.choose") }]}>
            <Select
              showSearch={{ optionFilterProp: "label" }}
              placeholder={t("drawer.choose")}
              options={others.map((other) => ({ value: other.agent_id, label: `${other.name} · ${t(`states.${other.state}`)}` }))}
            />
          </Form.Item>
        )}
        {to === "queue" && (
          <Form.Item name="queue" label={t("drawer.queue")} rules={[{ required: true, message: t("drawer.choose") }]}>
            <Select
              placeholder={t("drawer.choose")}
              options={queues.map((queue) => ({ value: queue.queue_id, label: queue.name }))}
            />
          </Form.Item>
        )}
        <Form.Item name="reason" label={t("drawer.why")} rules={[{ required: true, min: 3, whitespace: true, message: t("drawer.why_missing") }]}>
          <Input maxLength={500} />
        </Form.Item>
        {give.error && <ProblemNote problem={give.error} />}
        {give.data && (give.data.left.length > 0 || give.data.more) && (
          <Alert
            type="warning"
            showIcon
            style={{ marginBottom: 12 }}
            title={give.data.more ? t("drawer.more") : t("drawer.left", { count: give.data.left.length })}
            description={
              <ul lang="en">
                {[...new Set(give.data.left.map((each) => each.reason))].map((reason) => (
                  <li key={reason}>{reason}</li>
                ))}
              </ul>
            }
          />
        )}
        <Button danger htmlType="submit" loading={give.isPending}>
          {t("drawer.give")}
        </Button>
      </Form>
    </section>
  );
}
