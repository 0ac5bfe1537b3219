// Which queues an agent serves, what she speaks and can do; it counts from her next call on.
import { App, Button, Form, Select } from "antd";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { ProblemNote } from "@/shown/ProblemNote";
import type { WallAgent, WallQueue } from "./useWall";

interface Props {
  agent: WallAgent;
  queues: readonly WallQueue[];
  onDone: () => void;
}

type Abilities = Pick<WallAgent, "queues" | "languages" | "dialects" | "skills">;

export function AbilitiesForm({ agent, queues, onDone }: Props) {
  const { t } = useTranslation("wall");
  const { message } = App.useApp();
  const save = $api.useMutation("put", "/api/v1/agents/{agent_id}/abilities", {
    onSuccess: () => {
      void message.success(t("drawer.saved"));
      onDone();
    },
  });
  return (
    <section aria-labelledby="wall-abilities">
      <h3 id="wall-abilities">{t("drawer.abilities")}</h3>
      <p className="wall-detail">{t("drawer.abilities_help")}</p>
      <Form<Abilities>
        layout="vertical"
        initialValues={{ queues: agent.queues, languages: agent.languages, dialects: agent.dialects, skills: agent.skills }}
        onFinish={(body) => save.mutate({ params: { path: { agent_id: agent.agent_id } }, body })}
      >
        <Form.Item name="queues" label={t("drawer.queues")}>
          <Select
            mode="multiple"
            optionFilterProp="label"
            options={queues.filter((queue) => queue.mode === "agent").map((queue) => ({ value: queue.queue_id, label: queue.name }))}
          />
        </Form.Item>
        <Form.Item name="languages" label={t("drawer.languages")}>
          <Select mode="multiple" options={(["zh", "en"] as const).map((value) => ({ value, label: t(`drawer.languages_names.${value}`) }))} />
        </Form.Item>
        <Form.Item name="dialects" label={t("drawer.dialects")}>
          <Select mode="tags" open={false} suffixIcon={null} tokenSeparators={[",", " "]} />
        </Form.Item>
        <Form.Item name="skills" label={t("drawer.skills")}>
          <Select mode="tags" open={false} suffixIcon={null} tokenSeparators={[",", " "]} />
        </Form.Item>
        {save.error && <ProblemNote problem={save.error} />}
        <Button type="primary" htmlType="submit" loading={save.isPending}>
          {t("drawer.save")}
        </Button>
      </Form>
    </section>
  );
}
