// Every campaign with how far it is; a new one is written here.
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Button, Empty, Progress, Skeleton, Table, Tag } from "antd";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, api } from "@/api/client";
import { dayAndClock } from "@/shown/instants";
import { ProblemNote } from "@/shown/ProblemNote";
import { CampaignForm } from "./CampaignForm";
import { progress, STATE_COLORS, type Campaign } from "./shown";
import "./style.css";
import "./words";

const PAGE = 30;

export default function CampaignsPage() {
  const { t } = useTranslation("campaigns");
  const [writing, setWriting] = useState(false);
  const queues = $api.useQuery("get", "/api/v1/queues", undefined, { staleTime: 300_000 });
  const names = useMemo(() => new Map((queues.data?.queues ?? []).map((queue) => [queue.id, queue.name])), [queues.data]);
  const query = useInfiniteQuery({
    // The second part is the path by which live events find it.
    queryKey: ["get", "/api/v1/campaigns", "pages"],
    queryFn: async ({ pageParam }) => {
      const { data } = await api.GET("/api/v1/campaigns", { params: { query: { limit: PAGE, ...(pageParam ? { before: pageParam } : {}) } } });
      return data!;
    },
    initialPageParam: "",
    getNextPageParam: (last) => last.next,
    refetchInterval: 10_000,
  });
  const rows = query.data?.pages.flatMap((page) => page.campaigns) ?? [];
  return (
    <>
      <header className="campaigns-head">
        <h1>{t("title")}</h1>
        <Button type="primary" onClick={() => setWriting(true)}>
          {t("new")}
        </Button>
      </header>
      {query.isPending && <Skeleton active />}
      {query.error && !query.data && <ProblemNote problem={query.error} retry={() => void query.refetch()} />}
      {query.data && rows.length === 0 && <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t("none")} />}
      {rows.length > 0 && (
        <Table<Campaign>
          aria-label={t("list")}
          rowKey="id"
          size="small"
          pagination={false}
          dataSource={rows}
          columns={[
            {
              title: t("name"),
              render: (_, row) => (
                <Link to="/campaigns/$campaignId" params={{ campaignId: row.id }}>
                  {row.name}
                </Link>
              ),
            },
            { title: t("state"), width: 100, render: (_, row) => <Tag color={STATE_COLORS[row.state]}>{t(`states.${row.state}`)}</Tag> },
            { title: t("progress"), width: 260, render: (_, row) => <Bar campaign={row} /> },
            { title: t("queue"), render: (_, row) => names.get(row.queue_id) ?? "" },
            { title: t("detail.purpose"), width: 100, render: (_, row) => t(`purposes.${row.purpose}`) },
            { title: t("window"), width: 300, render: (_, row) => `${dayAndClock(row.from_at)} – ${dayAndClock(row.until_at)}` },
          ]}
        />
      )}
      {query.hasNextPage && (
        <Button className="campaigns-more" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
          {t("more")}
        </Button>
      )}
      {writing && <CampaignForm queues={queues.data?.queues ?? []} onClose={() => setWriting(false)} onSaved={() => void query.refetch()} />}
    </>
  );
}

function Bar({ campaign }: { campaign: Campaign }) {
  const { t } = useTranslation("campaigns");
  const { done, size, percent } = progress(campaign);
  if (campaign.state === "draft") return <>{t("draft_size")}</>;
  return (
    <span className="campaigns-bar">
      <Progress percent={percent} size="small" showInfo={false} aria-label={`${campaign.name}: ${percent}%`} />
      <span>{t("done_of", { done, size })}</span>
    </span>
  );
}
