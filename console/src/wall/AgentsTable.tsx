// Agents with their true states: 200 of them cost what is in sight, and of that only what has changed.
import { Input, Segmented, Tag } from "antd";
import { memo, useCallback, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { reasonWords } from "@/calls/reasons";
import { serverNow } from "@/live/server_clock";
import { Since } from "@/shown/Since";
import { asTheyStood, needsALook, ordered, overLimit } from "./order";
import type { WallAgent } from "./useWall";
import { WindowedRows } from "./WindowedRows";

const ROW_HEIGHT = 34;
const COLUMNS = 5;
type Shown = "all" | "at_work" | "look_first";

const COLORS: Partial<Record<WallAgent["state"], string>> = {
  available: "green",
  on_call: "blue",
  reserved: "geekblue",
  wrap_up: "gold",
};

interface Props {
  agents: readonly WallAgent[];
  queueNames: ReadonlyMap<string, string>;
  onOpen: (agentId: string) => void;
}

export const AgentsTable = memo(function AgentsTable({ agents, queueNames, onOpen }: Props) {
  const { t } = useTranslation("wall");
  const [shown, setShown] = useState<Shown>("at_work");
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  const stood = useRef<string[]>([]);
  const now = serverNow();
  const rows = useMemo(() => {
    const wanted = agents.filter(
      (agent) =>
        (shown === "all" || (shown === "at_work" ? agent.state !== "offline" : needsALook(agent, now))) &&
        agent.name.toLocaleLowerCase().includes(typed.trim().toLocaleLowerCase()),
    );
    const next = busy ? asTheyStood(wanted, stood.current) : ordered(wanted, now);
    stood.current = next.map((agent) => agent.agent_id);
    return next;
    // The hour counts only when the rows are fetched anew.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [agents, shown, typed, busy]);
  const keyOf = useCallback((agent: WallAgent) => agent.agent_id, []);
  return (
    <section className="wall-card wall-agents" aria-labelledby="wall-agents">
      <header>
        <h2 id="wall-agents">{t("agents.title", { count: rows.length })}</h2>
        <span className="wall-detail" role="status">
          {busy ? t("agents.frozen") : ""}
        </span>
        <Filters typed={typed} onTyped={setTyped} shown={shown} onShown={setShown} />
      </header>
      {rows.length === 0 ? (
        <p className="wall-none">{agents.length ? t("agents.no_match") : t("agents.none")}</p>
      ) : (
        <WindowedRows
          label={t("agents.rows")}
          columns={COLUMNS}
          rows={rows}
          rowHeight={ROW_HEIGHT}
          rowKey={keyOf}
          onBusy={setBusy}
          head={
            <>
              <th scope="col">{t("agents.name")}</th>
              <th scope="col">{t("agents.state")}</th>
              <th scope="col" className="wall-number">{t("agents.age")}</th>
              <th scope="col">{t("agents.work")}</th>
              <th scope="col">{t("agents.look")}</th>
            </>
          }
        >
          {(agent) => (
            <AgentCells
              agent={agent}
              queue={agent.queue_id ? (queueNames.get(agent.queue_id) ?? "") : ""}
              over={overLimit(agent, now)}
              onOpen={onOpen}
            />
          )}
        </WindowedRows>
      )}
    </section>
  );
});

interface FiltersProps {
  typed: string;
  onTyped: (typed: string) => void;
  shown: Shown;
  onShown: (shown: Shown) => void;
}

/** Apart, so that it need not be made anew with every update. */
const Filters = memo(function Filters({ typed, onTyped, shown, onShown }: FiltersProps) {
  const { t } = useTranslation("wall");
  return (
    <>
      <Input
        size="small"
        allowClear
        value={typed}
        onChange={(event) => onTyped(event.target.value)}
        placeholder={t("agents.search")}
        aria-label={t("agents.search")}
      />
      <Segmented<Shown>
        size="small"
        aria-label={t("agents.show")}
        value={shown}
        onChange={onShown}
        options={(["at_work", "look_first", "all"] as const).map((value) => ({ value, label: t(`agents.${value}`) }))}
      />
    </>
  );
});

interface CellsProps {
  agent: WallAgent;
  queue: string;
  over: boolean;
  onOpen: (agentId: string) => void;
}

const AgentCells = memo(function AgentCells({ agent, queue, over, onOpen }: CellsProps) {
  const { t } = useTranslation("wall");
  const more = [
    agent.previews && t("agents.previews"),
    agent.wanted_state && t("agents.wants", { state: t(`states.${agent.wanted_state}`) }),
    agent.reason && reasonWords(agent.reason),
  ].filter(Boolean);
  return (
    <>
      <td>
        <button type="button" className="wall-link" aria-label={t("agents.open", { name: agent.name })} onClick={() => onOpen(agent.agent_id)}>
          {agent.name}
        </button>
      </td>
      <td>
        <Tag color={COLORS[agent.state]}>{t(`states.${agent.state}`)}</Tag>
        {more.length > 0 && <span className="wall-detail">{more.join(" · ")}</span>}
      </td>
      <td className="wall-number">
        <Since instant={agent.since} />
      </td>
      <td>
        <span className="wall-cut" title={queue}>
          {queue || t("none")}
        </span>
      </td>
      <td>
        {agent.stuck && <Tag color="red">▲ {t(`stuck.${agent.stuck}`)}</Tag>}
        {over && <Tag color="orange">▲ {t("agents.over")}</Tag>}
      </td>
    </>
  );
});
