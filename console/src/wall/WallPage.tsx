// The supervisor's wall: who does what since when, what does not go on, who asks for help; and the one way onto a call.
import { Alert, Skeleton } from "antd";
import { useCallback, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { useMe } from "@/api/me";
import { clockWithSeconds } from "@/shown/instants";
import { ProblemNote } from "@/shown/ProblemNote";
import { AgentDrawer } from "./AgentDrawer";
import { AgentsTable } from "./AgentsTable";
import { CallersList } from "./CallersList";
import { CallsTable } from "./CallsTable";
import { Figures } from "./Figures";
import { HelpList } from "./HelpList";
import { JoinDialog } from "./JoinDialog";
import { MyVisit } from "./MyVisit";
import { QueuesTable } from "./QueuesTable";
import { useWall, type Wall } from "./useWall";
import "./style.css";
import "./words";

export default function WallPage() {
  const { t } = useTranslation("wall");
  const { query, stale } = useWall();
  const again = useCallback(() => void query.refetch(), [query]);
  if (query.isPending) return <Skeleton active paragraph={{ rows: 8 }} />;
  if (!query.data) return <ProblemNote problem={query.error} retry={again} />;
  const time = clockWithSeconds(query.data.as_of);
  return (
    <div className="wall">
      <div className="wall-top">
        <h1>{t("title")}</h1>
        <span className="wall-detail">{t("as_of", { time })}</span>
        {stale && <Alert type="warning" showIcon banner title={t("stale", { time })} />}
      </div>
      <div className={stale ? "stale" : undefined}>
        <Figures figures={query.data.figures} calls={query.data.calls.length} />
      </div>
      <Floor wall={query.data} stale={stale} again={again} />
    </div>
  );
}

function Floor({ wall, stale, again }: { wall: Wall; stale: boolean; again: () => void }) {
  const me = useMe();
  const [opened, setOpened] = useState<string | null>(null);
  const [joining, setJoining] = useState<string | null>(null);
  const names = useNames(wall.agents, (agent) => [agent.agent_id, agent.name]);
  const queueNames = useNames(wall.queues, (queue) => [queue.queue_id, queue.name]);
  const joinable = useMemo(() => new Set(wall.calls.filter((call) => call.can_be_joined && !call.supervisor).map((call) => call.call_id)), [wall.calls]);
  const agent = wall.agents.find((each) => each.agent_id === opened);
  const mine = wall.calls.find((call) => call.supervisor?.supervisor_id === me.data?.user_id);
  const joined = wall.calls.find((call) => call.call_id === joining);
  const nameOf = (id: string | null | undefined) => (id ? (names.get(id) ?? "") : "");
  return (
    <div className={stale ? "wall-body stale" : "wall-body"}>
      <AgentsTable agents={wall.agents} queueNames={queueNames} onOpen={setOpened} />
      <div className="wall-side">
        {mine && <MyVisit call={mine} name={nameOf(mine.agent_id)} onDone={again} />}
        <HelpList help={wall.help} names={names} joinable={joinable} onJoin={setJoining} onDone={again} />
        <CallersList callers={wall.callers} names={names} queueNames={queueNames} />
        <CallsTable calls={wall.calls} names={names} queueNames={queueNames} onJoin={setJoining} />
        <QueuesTable queues={wall.queues} />
      </div>
      {agent && (
        <AgentDrawer agent={agent} agents={wall.agents} queues={wall.queues} onClose={() => setOpened(null)} onDone={again} />
      )}
      {joined && (
        <JoinDialog
          callId={joined.call_id}
          name={nameOf(joined.agent_id)}
          asked={wall.help.some((each) => each.call_id === joined.call_id)}
          onClose={() => {
            setJoining(null);
            again();
          }}
        />
      )}
    </div>
  );
}

/** Names by id; the same map as long as no name changes, so that rows need not be made anew. */
function useNames<Row>(rows: readonly Row[], pair: (row: Row) => [string, string]): ReadonlyMap<string, string> {
  const written = JSON.stringify(rows.map(pair));
  return useMemo(() => new Map(JSON.parse(written) as [string, string][]), [written]);
}
