// What the hospital's systems send: who sends, messages set aside with their reasons, codes that nobody has given a meaning yet.
import { Alert, Table, Tabs } from "antd";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { useHasRole } from "@/api/me";
import { dayAndClock } from "@/shown/instants";
import { Loaded } from "@/shown/Loaded";
import { FeedMessages } from "./feed_messages";
import { UnmappedCodes } from "./unmapped_codes";
import "./content.css";
import "./words";

type Sender = Shape["SenderAnswer"];
type Refusal = Shape["ConsequenceAnswer"];

export default function Feeds() {
  const { t } = useTranslation("admin_content");
  const oversees = useHasRole("supervisor", "admin");
  const maps = useHasRole("supervisor", "registrar");
  return (
    <Tabs
      items={[
        ...(oversees
          ? [
              { key: "messages", label: t("feeds.messages"), children: <FeedMessages /> },
              { key: "senders", label: t("feeds.senders"), children: <Senders /> },
              { key: "refusals", label: t("feeds.refusals"), children: <Refusals /> },
            ]
          : []),
        ...(maps ? [{ key: "codes", label: t("feeds.codes"), children: <UnmappedCodes /> }] : []),
      ]}
    />
  );
}

function Senders() {
  const { t } = useTranslation("admin_content");
  const feeds = $api.useQuery("get", "/api/v1/feeds");
  return (
    <Loaded query={feeds} isEmpty={(found) => found.senders.length === 0} empty={t("feeds.no_senders")}>
      {(found) => (
        <>
          {found.oldest_waiting_since && (
            <Alert className="content-told" type="info" showIcon title={t("feeds.oldest", { at: dayAndClock(found.oldest_waiting_since) })} />
          )}
          <Table<Sender>
            size="small"
            rowKey="sender"
            dataSource={found.senders}
            pagination={false}
            columns={[
              { title: t("feeds.sender"), dataIndex: "sender" },
              { title: t("feed_states.stored"), dataIndex: "waiting", align: "right" },
              { title: t("feed_states.applied"), dataIndex: "applied", align: "right" },
              { title: t("feed_states.parked"), dataIndex: "parked", align: "right" },
              { title: t("feed_states.ignored"), dataIndex: "ignored", align: "right" },
              { title: t("feed_states.refused"), dataIndex: "refused", align: "right" },
              { title: t("feeds.last"), key: "last", render: (_, sender) => dayAndClock(sender.last_received_at) },
            ]}
          />
        </>
      )}
    </Loaded>
  );
}

function Refusals() {
  const { t } = useTranslation("admin_content");
  const refusals = $api.useQuery("get", "/api/v1/feeds/refusals", { params: { query: { limit: 200 } } });
  return (
    <Loaded query={refusals} isEmpty={(found) => found.refusals.length === 0} empty={t("feeds.no_refusals")}>
      {(found) => <Consequences rows={found.refusals} />}
    </Loaded>
  );
}

export function Consequences({ rows }: { rows: Refusal[] }) {
  const { t } = useTranslation("admin_content");
  return (
    <Table<Refusal>
      size="small"
      rowKey="id"
      dataSource={rows}
      pagination={rows.length > 20 ? { pageSize: 20, showSizeChanger: false } : false}
      columns={[
        { title: t("feeds.asked"), key: "kind", width: 140, render: (_, row) => t(`consequences.${row.kind}`) },
        { title: t("feeds.template"), key: "template", width: 110, render: (_, row) => row.template_id ?? "–" },
        { title: t("feeds.came_of_it"), key: "state", width: 110, render: (_, row) => t(`consequence_states.${row.state}`) },
        { title: t("feeds.why"), key: "told", render: (_, row) => <span lang="en">{row.told}</span> },
        { title: t("feeds.at"), key: "at", width: 150, render: (_, row) => dayAndClock(row.created_at) },
      ]}
    />
  );
}
