// What each agent speaks and can do and which queues she serves, changed in place.
import { Button, Form, Input, Modal, Select, Space, Table, Tag } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { Loaded } from "@/shown/Loaded";
import { useTold } from "./told";
import "./words";

type Agent = Shape["AbilitiesRow"];
type Filled = Pick<Agent, "languages" | "dialects" | "skills" | "queues">;

const TAG = /^[a-z0-9][a-z0-9_-]{0,39}$/;

export default function Skills() {
  const { t } = useTranslation("admin_house");
  const agents = $api.useQuery("get", "/api/v1/abilities");
  const queues = $api.useQuery("get", "/api/v1/queues");
  const [typed, setTyped] = useState("");
  const [queue, setQueue] = useState<string>();
  const [open, setOpen] = useState<Agent>();
  const names = new Map((queues.data?.queues ?? []).map((one) => [one.id, one.name]));
  return (
    <>
      <div className="admin-row">
        <Input.Search
          allowClear
          aria-label={t("skills.search")}
          placeholder={t("skills.search")}
          style={{ width: 260 }}
          onChange={(event) => setTyped(event.target.value)}
        />
        <Select
          allowClear
          showSearch={{ optionFilterProp: "label" }}
          aria-label={t("skills.serves")}
          placeholder={t("skills.serves")}
          style={{ width: 240 }}
          value={queue}
          onChange={setQueue}
          options={[...names].map(([value, label]) => ({ value, label }))}
        />
      </div>
      <Loaded query={agents} isEmpty={(told) => told.agents.length === 0} empty={t("skills.none")}>
        {({ agents: all }) => (
          <Table<Agent>
            size="small"
            rowKey="agent_id"
            dataSource={all.filter(
              (agent) =>
                !agent.disabled &&
                (!queue || agent.queues.includes(queue)) &&
                `${agent.login} ${agent.display_name} ${agent.skills.join(" ")}`.toLowerCase().includes(typed.toLowerCase().trim()),
            )}
            pagination={{ pageSize: 15, showSizeChanger: false, hideOnSinglePage: true }}
            columns={[
              {
                title: t("users.name"),
                key: "name",
                render: (_, agent) => (
                  <>
                    <strong>{agent.display_name}</strong> <span className="admin-quiet">{agent.login}</span>
                  </>
                ),
              },
              { title: t("skills.languages"), key: "languages", render: (_, agent) => <Tags of={agent.languages.map((one) => tongue(t, one))} /> },
              { title: t("skills.dialects"), key: "dialects", render: (_, agent) => <Tags of={agent.dialects} /> },
              { title: t("skills.skills"), key: "skills", render: (_, agent) => <Tags of={agent.skills} /> },
              {
                title: t("users.queues"),
                key: "queues",
                render: (_, agent) =>
                  agent.queues.length ? <Tags of={agent.queues.map((one) => names.get(one) ?? t("skills.gone"))} /> : t("skills.no_queue"),
              },
              {
                title: t("actions"),
                key: "actions",
                width: 90,
                render: (_, agent) => (
                  <Button size="small" onClick={() => setOpen(agent)}>
                    {t("edit")}
                  </Button>
                ),
              },
            ]}
          />
        )}
      </Loaded>
      {open && <Abilities agent={open} queues={[...names].map(([value, label]) => ({ value, label }))} close={() => setOpen(undefined)} />}
    </>
  );
}

function tongue(t: ReturnType<typeof useTranslation<"admin_house">>["t"], code: string): string {
  return code === "zh" || code === "en" ? t(`languages.${code}`) : code;
}

function Tags({ of }: { of: string[] }) {
  if (of.length === 0) return "–";
  return (
    <Space size={[4, 4]} wrap>
      {of.map((one) => (
        <Tag key={one}>{one}</Tag>
      ))}
    </Space>
  );
}

function Abilities({ agent, queues, close }: { agent: Agent; queues: { value: string; label: string }[]; close: () => void }) {
  const { t } = useTranslation("admin_house");
  const told = useTold();
  const [form] = Form.useForm<Filled>();
  const set = $api.useMutation("put", "/api/v1/agents/{agent_id}/abilities", {
    onSuccess: () => {
      told.done(t("skills.saved", { name: agent.display_name }), "/abilities", "/agents");
      close();
    },
    onError: told.failed,
  });
  const tags = { validator: (_: unknown, given: string[]) => (given.every((one) => TAG.test(one)) ? Promise.resolve() : Promise.reject(new Error(t("skills.tag_help")))) };
  return (
    <Modal
      open
      title={t("skills.edit_title", { name: agent.display_name })}
      okText={t("save")}
      confirmLoading={set.isPending}
      onCancel={close}
      onOk={() => form.submit()}
    >
      <p className="admin-quiet">{t("skills.from_next_call")}</p>
      <Form
        form={form}
        layout="vertical"
        initialValues={agent}
        onFinish={(body) => set.mutate({ params: { path: { agent_id: agent.agent_id } }, body })}
      >
        <Form.Item name="languages" label={t("skills.languages")}>
          <Select mode="multiple" options={(["zh", "en"] as const).map((one) => ({ value: one, label: t(`languages.${one}`) }))} />
        </Form.Item>
        <Form.Item name="dialects" label={t("skills.dialects")} extra={t("skills.tag_help")} rules={[tags]}>
          <Select mode="tags" />
        </Form.Item>
        <Form.Item name="skills" label={t("skills.skills")} extra={t("skills.tag_help")} rules={[tags]}>
          <Select mode="tags" />
        </Form.Item>
        <Form.Item name="queues" label={t("users.queues")}>
          <Select mode="multiple" options={queues} optionFilterProp="label" />
        </Form.Item>
      </Form>
    </Modal>
  );
}
