// Calls that go on, and the one way onto them.
import { Button, Tag } from "antd";
import { memo } from "react";
import { useTranslation } from "react-i18next";
import { Since } from "@/shown/Since";
import type { WallCall } from "./useWall";
import { WindowedRows } from "./WindowedRows";

const ROW_HEIGHT = 34;
const COLUMNS = 5;

interface Props {
  calls: readonly WallCall[];
  names: ReadonlyMap<string, string>;
  queueNames: ReadonlyMap<string, string>;
  onJoin: (callId: string) => void;
}

export const CallsTable = memo(function CallsTable({ calls, names, queueNames, onJoin }: Props) {
  const { t } = useTranslation("wall");
  return (
    <section className="wall-card wall-calls" aria-labelledby="wall-calls">
      <header>
        <h2 id="wall-calls">{t("calls.title", { count: calls.length })}</h2>
      </header>
      {calls.length === 0 ? (
        <p className="wall-none">{t("calls.none")}</p>
      ) : (
        <WindowedRows
          label={t("calls.title", { count: calls.length })}
          columns={COLUMNS}
          rows={calls}
          rowHeight={ROW_HEIGHT}
          rowKey={(call) => call.call_id}
          head={
            <>
              <th scope="col">{t("calls.who")}</th>
              <th scope="col">{t("calls.queue")}</th>
              <th scope="col">{t("calls.state")}</th>
              <th scope="col" className="wall-number">{t("calls.age")}</th>
              <th scope="col">{t("calls.way")}</th>
            </>
          }
        >
          {(call) => (
            <CallCells
              call={call}
              name={call.agent_id ? (names.get(call.agent_id) ?? "") : ""}
              queue={queueNames.get(call.queue_id) ?? ""}
              onJoin={onJoin}
            />
          )}
        </WindowedRows>
      )}
    </section>
  );
});

interface CellsProps {
  call: WallCall;
  name: string;
  queue: string;
  onJoin: (callId: string) => void;
}

const CallCells = memo(function CallCells({ call, name, queue, onJoin }: CellsProps) {
  const { t } = useTranslation("wall");
  const visit = call.supervisor;
  return (
    <>
      <td>
        <span className="wall-cut">{name || t("calls.machine")}</span>
      </td>
      <td>
        <span className="wall-cut" title={queue}>
          {queue}
        </span>
      </td>
      <td>
        <Tag color={call.stuck ? "red" : undefined}>{call.stuck ? `▲ ${t(`stuck.${call.stuck}`)}` : t(`calls.states.${call.state}`)}</Tag>
        <span className="wall-detail">{call.number.replace(/^\*+/, "…")}</span>
      </td>
      <td className="wall-number">
        <Since instant={call.since} />
      </td>
      <td>
        {visit && <Tag color="purple">{t("calls.on_line", { name: visit.name, mode: t(`modes.${visit.mode}`) })}</Tag>}
        {!visit && call.can_be_joined && (
          <Button size="small" aria-label={t("calls.join_call", { name })} onClick={() => onJoin(call.call_id)}>
            {t("calls.join")}
          </Button>
        )}
      </td>
    </>
  );
});
