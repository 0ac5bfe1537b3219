// Messages of the hospital's systems by state, reason and sender; what was set aside is tried again or let go, with a word why.
import { Button, Input, Modal, Select, Table, Tag } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { dayAndClock } from "@/shown/instants";
import { Loaded } from "@/shown/Loaded";
import { useTold } from "../house/told";
import { FeedMessageDialog } from "./feed_message";
import "./words";

type Message = Shape["FeedMessageAnswer"];
type State = Shape["FeedState"];
type Reason = Shape["FeedReason"];

const STATES: readonly State[] = ["parked", "stored", "applied", "ignored", "refused"];
const REASONS: readonly Reason[] = [
  "unknown_patient",
  "no_patient",
  "no_name",
  "two_persons",
  "person_differs",
  "no_visit",
  "bad_time",
  "in_the_future",
  "unclear_disposition",
  "older",
  "result_refused",
  "failed",
  "dismissed",
  "not_taken",
  "unreadable",
  "unknown_charset",
  "charset_differs",
  "not_a_message",
  "too_long",
  "no_control_id",
  "no_sender",
  "training",
];
export const FEED_COLOURS: Record<State, string> = { stored: "processing", applied: "success", parked: "warning", ignored: "default", refused: "error" };

export function FeedMessages() {
  const { t } = useTranslation("admin_content");
  const [state, setState] = useState<State | undefined>("parked");
  const [reason, setReason] = useState<Reason>();
  const [sender, setSender] = useState<string>();
  const [before, setBefore] = useState<number[]>([]);
  const [open, setOpen] = useState<string>();
  const [again, setAgain] = useState(false);
  const last = before.at(-1);
  const feeds = $api.useQuery("get", "/api/v1/feeds");
  const messages = $api.useQuery("get", "/api/v1/feeds/messages", {
    params: {
      query: { limit: 50, ...(state ? { state } : {}), ...(reason ? { reason } : {}), ...(sender ? { sender } : {}), ...(last ? { before: last } : {}) },
    },
  });
  const narrowed = <Value,>(set: (value: Value) => void) => (value: Value) => {
    set(value);
    setBefore([]);
  };
  return (
    <>
      <div className="admin-row">
        <Select<State | undefined>
          aria-label={t("feeds.state")}
          className="content-code-wide"
          allowClear
          placeholder={t("feeds.any_state")}
          value={state}
          onChange={narrowed(setState)}
          options={STATES.map((one) => ({ value: one, label: t(`feed_states.${one}`) }))}
        />
        <Select<Reason | undefined>
          aria-label={t("feeds.reason")}
          className="content-wide"
          allowClear
          showSearch={{ optionFilterProp: "label" }}
          placeholder={t("feeds.any_reason")}
          value={reason}
          onChange={narrowed(setReason)}
          options={REASONS.map((one) => ({ value: one, label: t(`feed_reasons.${one}`) }))}
        />
        <Select<string | undefined>
          aria-label={t("feeds.sender")}
          className="content-short"
          allowClear
          placeholder={t("feeds.any_sender")}
          value={sender}
          onChange={narrowed(setSender)}
          options={(feeds.data?.senders ?? []).map((one) => ({ value: one.sender, label: one.sender }))}
        />
        {state === "parked" && reason && (
          <Button onClick={() => setAgain(true)}>{t("feeds.retry_all")}</Button>
        )}
      </div>
      <Loaded query={messages} isEmpty={(found) => found.messages.length === 0} empty={t(state === "parked" ? "feeds.none_parked" : "feeds.none")}>
        {(found) => (
          <>
            <Table<Message>
              size="small"
              rowKey="id"
              dataSource={found.messages}
              pagination={false}
              columns={[
                { title: t("feeds.received"), key: "at", width: 170, render: (_, one) => dayAndClock(one.received_at) },
                { title: t("feeds.sender"), dataIndex: "sender", width: 150 },
                {
                  title: t("feeds.kind"),
                  key: "kind",
                  width: 120,
                  render: (_, one) => (
                    <Button type="link" className="content-link" onClick={() => setOpen(one.id)} aria-label={t("feeds.open", { kind: one.kind, id: one.control_id })}>
                      {one.kind || "–"}
                    </Button>
                  ),
                },
                { title: t("feeds.control_id"), key: "control", render: (_, one) => <span className="admin-mono">{one.control_id || "–"}</span> },
                { title: t("feeds.state"), key: "state", width: 110, render: (_, one) => <Tag color={FEED_COLOURS[one.state]}>{t(`feed_states.${one.state}`)}</Tag> },
                { title: t("feeds.reason"), key: "reason", render: (_, one) => (one.reason ? t(`feed_reasons.${one.reason}`) : "–") },
                { title: t("feeds.times"), dataIndex: "times", width: 80, align: "right" },
              ]}
            />
            <div className="admin-row content-pages">
              {before.length > 0 && <Button onClick={() => setBefore(before.slice(0, -1))}>{t("newer")}</Button>}
              {found.next !== null && <Button onClick={() => setBefore([...before, found.next!])}>{t("older")}</Button>}
            </div>
          </>
        )}
      </Loaded>
      {open && <FeedMessageDialog id={open} close={() => setOpen(undefined)} />}
      {again && reason && <RetryAll reason={reason} sender={sender} close={() => setAgain(false)} />}
    </>
  );
}

function RetryAll({ reason, sender, close }: { reason: Reason; sender: string | undefined; close: () => void }) {
  const { t } = useTranslation("admin_content");
  const told = useTold();
  const [because, setBecause] = useState("");
  const retry = $api.useMutation("post", "/api/v1/feeds/retries", {
    onSuccess: ({ messages }) => {
      told.done(t("feeds.retried_all", { count: messages }), "/feeds");
      close();
    },
    onError: told.failed,
  });
  return (
    <Modal
      open
      title={t("feeds.retry_all")}
      okText={t("feeds.retry")}
      cancelText={t("not_now")}
      okButtonProps={{ disabled: because.trim().length < 3, loading: retry.isPending }}
      onOk={() => retry.mutate({ body: { reason, because: because.trim(), ...(sender ? { sender } : {}) } })}
      onCancel={close}
    >
      <p>{t("feeds.retry_all_about", { reason: t(`feed_reasons.${reason}`), sender: sender ?? t("feeds.any_sender") })}</p>
      <label htmlFor="retry-because">{t("feeds.because")}</label>
      <Input id="retry-because" maxLength={200} value={because} onChange={(event) => setBecause(event.target.value)} />
    </Modal>
  );
}
