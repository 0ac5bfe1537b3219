// What is owed today: call-backs, overdue, due, in the order in which they are called. Only the rows in sight are in the page.
import { ClockCircleOutlined, ExclamationCircleOutlined, PhoneOutlined, ThunderboltOutlined, UserOutlined } from "@ant-design/icons";
import { App } from "antd";
import { useEffect, useRef, useState, type KeyboardEvent } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { lookAtCall, useCall } from "@/calls/call";
import { KeyButton } from "@/keyboard/KeyButton";
import { useCommand } from "@/keyboard/useCommand";
import { clock } from "@/shown/instants";
import { Loaded } from "@/shown/Loaded";
import { link } from "@/live/connection";
import { dayInYear } from "./hospital_time";
import { focusOn, QUEUE } from "./places";
import { TrayButton } from "./Tray";
import { useTold } from "./told";

type Owed = Shape["OwedAnswer"];

const ROW = 52;
const AROUND = 4; // rows beyond the edge that are there already
const LOOK_MS = 60_000; // what falls due by the clock alone is told by no event

export function QueueColumn({ onAdd }: { onAdd: () => void }) {
  const { t } = useTranslation("work");
  const { message } = App.useApp();
  const told = useTold();
  const { phase } = useCall();
  const list = $api.useQuery("get", "/api/v1/agents/me/worklist", {}, { refetchInterval: LOOK_MS });
  const stale = link((state) => state.state === "lost");
  const claim = $api.useMutation("post", "/api/v1/tasks/{task_id}/claim", {
    onError: (problem) => {
      told(problem);
      void list.refetch();
    },
    onSettled: () => void lookAtCall(),
  });
  const free = phase === "none" && !claim.isPending;
  const take = (owed: Owed | undefined) => {
    if (!owed) void message.info(t("queue.nothing_ready"));
    else if (!free) void message.info(t("queue.busy"));
    else claim.mutate({ params: { path: { task_id: owed.task_id } } });
  };
  const first = list.data?.tasks.find((each) => each.ready);
  useCommand("focus_queue", () => focusOn(QUEUE));
  return (
    <section className={`work-column queue${stale ? " stale" : ""}`} aria-label={t("queue.title")}>
      <header>
        <h2>{t("queue.title")}</h2>
        {list.data && (
          <span className="counts">
            <span>{t("queue.due", { count: list.data.due })}</span>
            <span className={list.data.overdue ? "late" : ""}>{t("queue.overdue", { count: list.data.overdue })}</span>
            <span>{t("queue.call_backs", { count: list.data.call_backs })}</span>
            <span>{t("queue.done", { count: list.data.done })}</span>
          </span>
        )}
      </header>
      <Loaded query={list} isEmpty={(found) => found.tasks.length === 0} empty={t("queue.empty")}>
        {(found) => <Rows tasks={found.tasks} onTake={take} />}
      </Loaded>
      <footer>
        <KeyButton command="next_task" size="small" type={free ? "primary" : "default"} disabled={!free} loading={claim.isPending} onRun={() => take(first)}>
          {t("queue.next")}
        </KeyButton>
        <KeyButton command="add_task" size="small" onRun={onAdd}>
          {t("queue.add")}
        </KeyButton>
        <TrayButton />
        {stale && list.data && <small>{t("as_of", { time: clock(list.data.as_of) })}</small>}
      </footer>
    </section>
  );
}

function Rows({ tasks, onTake }: { tasks: Owed[]; onTake: (owed: Owed) => void }) {
  const { t } = useTranslation("work");
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [chosen, setChosen] = useState(0);
  const [height, setHeight] = useState(600);
  useEffect(() => {
    const seen = new ResizeObserver(([entry]) => entry && setHeight(entry.contentRect.height));
    if (box.current) seen.observe(box.current);
    return () => seen.disconnect();
  }, []);
  const at = Math.min(chosen, tasks.length - 1);
  const go = (place: number) => {
    const to = Math.max(0, Math.min(tasks.length - 1, place));
    setChosen(to);
    const view = box.current;
    if (!view) return;
    if (to * ROW < view.scrollTop) view.scrollTop = to * ROW;
    if ((to + 1) * ROW > view.scrollTop + view.clientHeight) view.scrollTop = (to + 1) * ROW - view.clientHeight;
  };
  const onKey = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -tasks.length, End: tasks.length }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      go(at + step);
    } else if (event.key === "Enter" && tasks[at]) {
      event.preventDefault();
      onTake(tasks[at]);
    }
  };
  const from = Math.max(0, Math.floor(top / ROW) - AROUND);
  const shown = tasks.slice(from, Math.ceil((top + height) / ROW) + AROUND);
  const current = tasks[at];
  const inSight = at >= from && at < from + shown.length;
  return (
    <div
      id={QUEUE}
      ref={box}
      className="rows"
      role="listbox"
      tabIndex={0}
      aria-label={t("queue.list")}
      aria-activedescendant={current && inSight ? `owed-${current.task_id}` : undefined}
      onScroll={(event) => setTop(event.currentTarget.scrollTop)}
      onKeyDown={onKey}
    >
      <div className="all" role="presentation" ref={(whole) => void whole?.style.setProperty("height", `${tasks.length * ROW}px`)}>
        {shown.map((owed, place) => (
          <div
            key={owed.task_id}
            id={`owed-${owed.task_id}`}
            role="option"
            tabIndex={-1}
            aria-selected={from + place === at}
            aria-setsize={tasks.length}
            aria-posinset={from + place + 1}
            className="row"
            ref={(row) => void row?.style.setProperty("transform", `translateY(${(from + place) * ROW}px)`)}
            onClick={() => go(from + place)}
            onDoubleClick={() => onTake(owed)}
            onKeyDown={onKey}
          >
            <Row owed={owed} />
          </div>
        ))}
      </div>
    </div>
  );
}

const SIGNS = { urgent: ThunderboltOutlined, call_back: PhoneOutlined, overdue: ExclamationCircleOutlined, today: ClockCircleOutlined };

function Row({ owed }: { owed: Owed }) {
  const { t } = useTranslation("work");
  const Sign = SIGNS[owed.pressing];
  const person = [owed.sex === "male" || owed.sex === "female" ? t(`sex.${owed.sex}`) : null, owed.age === null ? null : t("age", { count: owed.age })];
  return (
    <>
      <div className="first">
        <strong>{owed.name}</strong>
        <span className="person">{person.filter(Boolean).join(" ")}</span>
        {owed.own && <UserOutlined aria-label={t("queue.own")} title={t("queue.own")} />}
        {owed.in_hand && <span className="taken">{t("queue.in_hand")}</span>}
      </div>
      <div className={`second ${owed.pressing}`}>
        <Sign aria-hidden />
        <span>{t(`queue.pressing.${owed.pressing}`)}</span>
        <span>{when(owed)}</span>
        <span className="where">{owed.department ?? owed.queue_name}</span>
        {owed.day !== null && <span>{`D${owed.day >= 0 ? "+" : ""}${owed.day}`}</span>}
      </div>
    </>
  );
}

function when(owed: Owed): string {
  if (owed.pressing === "overdue") return dayInYear(owed.target_at);
  if (owed.pressing === "call_back" || !owed.ready) return clock(owed.next_attempt_at);
  return "";
}
