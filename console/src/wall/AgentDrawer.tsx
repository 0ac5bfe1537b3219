// One agent: what she does, which queues she serves and what she can do, and giving her tasks to others.
import { Descriptions, Divider, Drawer, Tag } from "antd";
import { useTranslation } from "react-i18next";
import { reasonWords } from "@/calls/reasons";
import { Since } from "@/shown/Since";
import { AbilitiesForm } from "./AbilitiesForm";
import { ReassignForm } from "./ReassignForm";
import type { WallAgent, WallQueue } from "./useWall";

interface Props {
  agent: WallAgent;
  agents: readonly WallAgent[];
  queues: readonly WallQueue[];
  onClose: () => void;
  onDone: () => void;
}

export function AgentDrawer({ agent, agents, queues, onClose, onDone }: Props) {
  const { t } = useTranslation("wall");
  return (
    <Drawer open title={t("drawer.title", { name: agent.name })} size={520} onClose={onClose}>
      <Descriptions
        size="small"
        column={1}
        items={[
          {
            key: "state",
            label: t("drawer.now"),
            children: (
              <>
                <Tag>{t(`states.${agent.state}`)}</Tag>
                <Since instant={agent.since} />
              </>
            ),
          },
          { key: "ready", label: t("agents.look"), children: agent.ready ? t("drawer.ready") : t("drawer.not_ready") },
          { key: "headset", label: t("drawer.headset"), children: t(`drawer.headset_states.${agent.headset}`) },
          ...(agent.reason ? [{ key: "reason", label: t("drawer.reason"), children: reasonWords(agent.reason) }] : []),
        ]}
      />
      <Divider />
      <AbilitiesForm key={agent.agent_id} agent={agent} queues={queues} onDone={onDone} />
      <Divider />
      <ReassignForm key={`give-${agent.agent_id}`} agent={agent} agents={agents} queues={queues} onDone={onDone} />
    </Drawer>
  );
}
