// One campaign: what it is, its switches, what it would come to, what it came to, and its lists.
import { Link, useParams } from "@tanstack/react-router";
import { Button, Descriptions, Space, Tag } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { dayAndClock } from "@/shown/instants";
import { Loaded } from "@/shown/Loaded";
import { EstimatePart } from "./EstimatePart";
import { PeoplePart } from "./PeoplePart";
import { ResultsPart } from "./ResultsPart";
import { flowWords, STATE_COLORS, type Campaign, type Group } from "./shown";
import { SwitchDialog, type Switch } from "./SwitchDialog";
import "./style.css";
import "./words";

export type ListName = Group | "all" | "left_out";

const POSSIBLE: Record<Campaign["state"], readonly Switch[]> = {
  draft: ["start", "stop"],
  running: ["pause", "stop"],
  paused: ["resume", "stop"],
  finished: [],
  stopped: [],
};

export default function CampaignPage() {
  const { t } = useTranslation("campaigns");
  const { campaignId } = useParams({ strict: false }) as { campaignId: string };
  const query = $api.useQuery(
    "get",
    "/api/v1/campaigns/{campaign_id}",
    { params: { path: { campaign_id: campaignId } } },
    { refetchInterval: (each) => (each.state.data?.state === "running" ? 3000 : 30_000) },
  );
  return (
    <>
      <Link to="/campaigns">← {t("back")}</Link>
      <Loaded query={query}>{(campaign) => <Shown campaign={campaign} again={() => void query.refetch()} />}</Loaded>
    </>
  );
}

function Shown({ campaign, again }: { campaign: Campaign; again: () => void }) {
  const { t } = useTranslation("campaigns");
  const [pressing, setPressing] = useState<Switch | null>(null);
  const [list, setList] = useState<ListName>("all");
  const queues = $api.useQuery("get", "/api/v1/queues", undefined, { staleTime: 300_000 });
  const queue = queues.data?.queues.find((each) => each.id === campaign.queue_id)?.name ?? "";
  const matter = [
    campaign.flow && t("detail.version", { name: flowWords(campaign.flow), version: campaign.flow_version }),
    campaign.form && t("detail.version", { name: campaign.form, version: campaign.form_version }),
  ].filter(Boolean);
  return (
    <div className="campaign">
      <header className="campaigns-head">
        <h1>
          {campaign.name} <Tag color={STATE_COLORS[campaign.state]}>{t(`states.${campaign.state}`)}</Tag>
        </h1>
        <Space>
          {POSSIBLE[campaign.state].map((each) => (
            <Button
              key={each}
              type={each === "start" || each === "resume" ? "primary" : "default"}
              danger={each === "stop"}
              onClick={() => setPressing(each)}
            >
              {t(`act.${each}`)}
            </Button>
          ))}
        </Space>
      </header>
      <section className="campaign-part" aria-label={t("detail.facts")}>
        <Descriptions
          size="small"
          column={{ xs: 1, lg: 3 }}
          items={[
            { key: "queue", label: t("queue"), children: queue },
            { key: "purpose", label: t("detail.purpose"), children: t(`purposes.${campaign.purpose}`) },
            { key: "matter", label: t("detail.what"), children: matter.join(" · ") },
            { key: "window", label: t("window"), children: `${dayAndClock(campaign.from_at)} – ${dayAndClock(campaign.until_at)}` },
            {
              key: "hours",
              label: t("detail.hours"),
              children:
                campaign.hours.map((span) => `${span.start.slice(0, 5)}–${span.end.slice(0, 5)}`).join(", ") || t("detail.any_hours"),
            },
            { key: "per_day", label: t("detail.per_day"), children: campaign.calls_per_day ?? t("detail.no_limit") },
            { key: "created", label: t("detail.created"), children: dayAndClock(campaign.created_at) },
            ...(campaign.reason ? [{ key: "reason", label: t("detail.reason"), children: campaign.reason }] : []),
          ]}
        />
      </section>
      {campaign.state === "draft" ? (
        <EstimatePart campaign={campaign} />
      ) : (
        <>
          <ResultsPart campaign={campaign} onShow={setList} />
          <PeoplePart campaign={campaign} list={list} onList={setList} queues={queues.data?.queues ?? []} />
        </>
      )}
      {pressing && (
        <SwitchDialog
          campaign={campaign}
          which={pressing}
          onClose={() => {
            setPressing(null);
            again();
          }}
        />
      )}
    </div>
  );
}
