// What should not be, with its owner and age. Zero is the goal of the day.
import { Empty, Result, Segmented } from "antd";
import { useCallback, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { useMe } from "@/api/me";
import { clockWithSeconds } from "@/shown/instants";
import { Loaded } from "@/shown/Loaded";
import { WindowedRows } from "@/wall/WindowedRows";
import "@/wall/style.css";
import { ExceptionRow } from "./ExceptionRow";
import type { Exception, Kind } from "./shown";
import { useActs } from "./useActs";
import { WordsDialog, type Act } from "./WordsDialog";
import "./style.css";
import "./words";

const ROW_HEIGHT = 38;
const COLUMNS = 6;
type Whose = "all" | "mine" | "nobody";

export default function ExceptionsPage() {
  const { t } = useTranslation("exceptions");
  const query = $api.useQuery("get", "/api/v1/exceptions", undefined, { refetchInterval: 60_000 });
  const queues = $api.useQuery("get", "/api/v1/queues", undefined, { staleTime: 300_000 });
  const queueNames = useMemo(() => new Map((queues.data?.queues ?? []).map((queue) => [queue.id, queue.name])), [queues.data]);
  return (
    <>
      <h1 className="exceptions-title">{t("title")}</h1>
      <Loaded query={query}>{(told) => <List told={told} queueNames={queueNames} again={() => void query.refetch()} />}</Loaded>
    </>
  );
}

interface ListProps {
  told: Shape["DayExceptionsAnswer"];
  queueNames: ReadonlyMap<string, string>;
  again: () => void;
}

function List({ told, queueNames, again }: ListProps) {
  const { t } = useTranslation("exceptions");
  const me = useMe();
  const [kind, setKind] = useState<Kind | "all">("all");
  const [whose, setWhose] = useState<Whose>("all");
  const [acting, setActing] = useState<{ act: Act; line: Exception } | null>(null);
  const acts = useActs(again);
  const names = useMemo(() => new Map(told.people.map((person) => [person.user_id, person.name])), [told.people]);
  const onAct = useCallback((act: Act, line: Exception) => setActing({ act, line }), []);
  const count = told.kinds.reduce((sum, each) => sum + each.count, 0);
  const unowned = told.kinds.reduce((sum, each) => sum + each.unowned, 0);
  const lines = told.exceptions.filter(
    (line) =>
      (kind === "all" || line.kind === kind) &&
      (whose === "all" || (whose === "mine" ? line.owner_id === me.data?.user_id : line.owner_id === null)),
  );
  const where = (line: Exception) =>
    [line.queue_id && queueNames.get(line.queue_id), line.agent_id && names.get(line.agent_id)].filter(Boolean).join(" / ");
  return (
    <div className="exceptions">
      <p className="exceptions-sum">
        <strong>{t("goal")}</strong>
        <span>{t("open", { count })}</span>
        <span>{t("unowned", { count: unowned })}</span>
        <span>{t("settled", { count: told.settled_today })}</span>
        <span className="wall-detail">{t("as_of", { time: clockWithSeconds(told.as_of) })}</span>
      </p>
      {count === 0 ? (
        <Result status="success" title={t("all_clear")} />
      ) : (
        <>
          <ul className="exceptions-kinds" aria-label={t("kinds_label")}>
            <KindButton name={t("all")} count={count} pressed={kind === "all"} onPress={() => setKind("all")} />
            {told.kinds.map((each) => (
              <KindButton
                key={each.kind}
                name={t(`kinds.${each.kind}`)}
                count={each.count}
                pressed={kind === each.kind}
                onPress={() => setKind(each.kind)}
              />
            ))}
          </ul>
          <div className="exceptions-list wall-card">
            <header>
              <Segmented<Whose>
                size="small"
                aria-label={t("owner_filter")}
                value={whose}
                onChange={setWhose}
                options={[
                  { value: "all", label: t("all") },
                  { value: "nobody", label: t("nobody") },
                  { value: "mine", label: t("mine") },
                ]}
              />
              {kind !== "all" && <span className="wall-detail">{t(`help.${kind}`)}</span>}
              {told.kinds.some((each) => each.count > 200) && <span className="wall-detail">{t("first")}</span>}
            </header>
            {lines.length === 0 ? (
              <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t("none_of_kind")} />
            ) : (
              <WindowedRows
                label={t("list")}
                columns={COLUMNS}
                rows={lines}
                rowHeight={ROW_HEIGHT}
                rowKey={(line) => `${line.kind}:${line.subject}`}
                head={(["kind", "what", "where", "age", "owner", "actions"] as const).map((column) => (
                  <th key={column} scope="col" className={column === "age" ? "wall-number" : undefined}>
                    {t(column)}
                  </th>
                ))}
              >
                {(line) => (
                  <ExceptionRow
                    line={line}
                    owner={line.owner_id ? (names.get(line.owner_id) ?? "") : "—"}
                    where={where(line)}
                    acts={acts}
                    onAct={onAct}
                  />
                )}
              </WindowedRows>
            )}
          </div>
        </>
      )}
      {acting && (
        <WordsDialog
          act={acting.act}
          line={acting.line}
          people={told.people}
          onClose={() => {
            setActing(null);
            again();
          }}
        />
      )}
    </div>
  );
}

interface KindProps {
  name: string;
  count: number;
  pressed: boolean;
  onPress: () => void;
}

function KindButton({ name, count, pressed, onPress }: KindProps) {
  return (
    <li>
      <button type="button" aria-pressed={pressed} className={count ? "exceptions-kind" : "exceptions-kind none"} onClick={onPress}>
        <span>{name}</span> <strong>{count}</strong>
      </button>
    </li>
  );
}
