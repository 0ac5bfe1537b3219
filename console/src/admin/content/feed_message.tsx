// One message of a hospital's system: what followed from it, what it held (for those who may look), and settling it.
import { Alert, Button, Descriptions, Input, Modal, Space, Tag } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { useHasRole } from "@/api/me";
import { dayAndClock } from "@/shown/instants";
import { Loaded } from "@/shown/Loaded";
import { useTold } from "../house/told";
import { FEED_COLOURS } from "./feed_messages";
import { Consequences } from "./feeds";
import "./words";

type Whole = Shape["WholeMessageAnswer"];

export function FeedMessageDialog({ id, close }: { id: string; close: () => void }) {
  const { t } = useTranslation("admin_content");
  const message = $api.useQuery("get", "/api/v1/feeds/messages/{message_id}", { params: { path: { message_id: id } } });
  return (
    <Modal open width={900} title={t("feeds.message")} footer={null} onCancel={close}>
      <Loaded query={message}>{(found) => <Opened message={found} close={close} />}</Loaded>
    </Modal>
  );
}

function Opened({ message, close }: { message: Whole; close: () => void }) {
  const { t } = useTranslation("admin_content");
  const looks = useHasRole("supervisor");
  const [content, setContent] = useState(false);
  return (
    <>
      <Descriptions
        size="small"
        bordered
        column={2}
        items={[
          { key: "sender", label: t("feeds.sender"), children: message.sender || "–" },
          { key: "kind", label: t("feeds.kind"), children: message.kind || "–" },
          { key: "control", label: t("feeds.control_id"), children: <span className="admin-mono">{message.control_id || "–"}</span> },
          { key: "times", label: t("feeds.times"), children: message.times },
          { key: "received", label: t("feeds.received"), children: dayAndClock(message.received_at) },
          { key: "order", label: t("feeds.told_of"), children: dayAndClock(message.order_at) },
          { key: "state", label: t("feeds.state"), children: <Tag color={FEED_COLOURS[message.state]}>{t(`feed_states.${message.state}`)}</Tag> },
          { key: "reason", label: t("feeds.reason"), children: message.reason ? t(`feed_reasons.${message.reason}`) : "–" },
        ]}
      />
      {message.told && <Alert className="content-told" type="warning" title={<span lang="en">{message.told}</span>} />}
      {message.remarks.length > 0 && (
        <ul className="admin-quiet" lang="en">
          {message.remarks.map((remark) => (
            <li key={remark}>{remark}</li>
          ))}
        </ul>
      )}
      {message.settled_at && (
        <p className="admin-quiet">{t("feeds.settled", { at: dayAndClock(message.settled_at), because: message.settled_because })}</p>
      )}
      {message.consequences.length > 0 && (
        <>
          <h3>{t("feeds.followed")}</h3>
          <Consequences rows={message.consequences} />
        </>
      )}
      {looks && !content && (
        <p>
          <Button onClick={() => setContent(true)}>{t("feeds.show_content")}</Button> <span className="admin-quiet">{t("feeds.audited")}</span>
        </p>
      )}
      {content && <Content id={message.id} />}
      {message.state === "parked" && <Settle id={message.id} close={close} />}
    </>
  );
}

function Content({ id }: { id: string }) {
  const { t } = useTranslation("admin_content");
  const content = $api.useQuery("get", "/api/v1/feeds/messages/{message_id}/content", { params: { path: { message_id: id } } });
  return (
    <Loaded query={content} isEmpty={(found) => found.text === ""} empty={t("feeds.content_gone")}>
      {(found) => (
        <Input.TextArea
          readOnly
          className="admin-mono"
          aria-label={t("feeds.content")}
          autoSize={{ minRows: 3, maxRows: 14 }}
          value={found.text.replaceAll("\r", "\n")}
        />
      )}
    </Loaded>
  );
}

function Settle({ id, close }: { id: string; close: () => void }) {
  const { t } = useTranslation("admin_content");
  const told = useTold();
  const [because, setBecause] = useState("");
  const settled = (words: string) => ({
    onSuccess: () => {
      told.done(words, "/feeds");
      close();
    },
    onError: told.failed,
  });
  const retry = $api.useMutation("post", "/api/v1/feeds/messages/{message_id}/retry", settled(t("feeds.retried")));
  const dismiss = $api.useMutation("post", "/api/v1/feeds/messages/{message_id}/dismiss", settled(t("feeds.dismissed")));
  const short = because.trim().length < 3;
  const asked = { params: { path: { message_id: id } }, body: { because: because.trim() } };
  return (
    <>
      <label htmlFor="settle-because">{t("feeds.because")}</label>
      <Input id="settle-because" maxLength={200} value={because} onChange={(event) => setBecause(event.target.value)} />
      <Space className="content-told">
        <Button type="primary" disabled={short} loading={retry.isPending} onClick={() => retry.mutate(asked)}>
          {t("feeds.retry")}
        </Button>
        <Button disabled={short} loading={dismiss.isPending} onClick={() => dismiss.mutate(asked)}>
          {t("feeds.dismiss")}
        </Button>
      </Space>
    </>
  );
}
