// The lists of a campaign: looked at page by page, taken as xlsx for a purpose, handed to agents.
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Button, Empty, Select, Skeleton, Space, Table } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, type Shape } from "@/api/client";
import { dayAndClock } from "@/shown/instants";
import { ProblemNote } from "@/shown/ProblemNote";
import type { ListName } from "./CampaignPage";
import { CallListDialog, ExportDialog } from "./list_dialogs";
import { GROUPS, leftOutWords, type Campaign, type Group } from "./shown";

const PAGE = 100;

interface Props {
  campaign: Campaign;
  list: ListName;
  onList: (list: ListName) => void;
  queues: Shape["QueueAnswer"][];
}

export function asked(list: ListName): { group?: Group; left_out?: boolean } {
  if (list === "left_out") return { left_out: true };
  return list === "all" ? {} : { group: list };
}

export function PeoplePart({ campaign, list, onList, queues }: Props) {
  const { t } = useTranslation("campaigns");
  const [dialog, setDialog] = useState<"export" | "call" | null>(null);
  const query = useInfiniteQuery({
    queryKey: ["people of a campaign", campaign.id, list],
    queryFn: async ({ pageParam }) => {
      const { data } = await api.GET("/api/v1/campaigns/{campaign_id}/people", {
        params: { path: { campaign_id: campaign.id }, query: { ...asked(list), limit: PAGE, ...(pageParam ? { after: pageParam } : {}) } },
      });
      return data!;
    },
    initialPageParam: "",
    getNextPageParam: (last) => last.next,
  });
  const people = query.data?.pages.flatMap((page) => page.people) ?? [];
  const nameOf = (each: ListName) => (each === "all" || each === "left_out" ? t(`list_of.${each}`) : t(`groups.${each}`));
  const group = asked(list).group;
  return (
    <section className="campaign-part" aria-labelledby="campaign-people">
      <header className="campaigns-head">
        <h2 id="campaign-people">{t("list_of.title")}</h2>
        <Space wrap>
          <Select<ListName>
            aria-label={t("list_of.choose")}
            style={{ width: 180 }}
            value={list}
            onChange={onList}
            options={(["all", ...GROUPS, "left_out"] as const).map((value) => ({ value, label: nameOf(value) }))}
          />
          <Button onClick={() => setDialog("export")}>{t("list_of.export")}</Button>
          {group && group !== "still_open" && <Button onClick={() => setDialog("call")}>{t("list_of.call")}</Button>}
        </Space>
      </header>
      {query.isPending && <Skeleton active />}
      {query.error && !query.data && <ProblemNote problem={query.error} retry={() => void query.refetch()} />}
      {query.data && people.length === 0 && <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t("list_of.none")} />}
      {people.length > 0 && (
        <Table
          aria-label={nameOf(list)}
          size="small"
          rowKey="patient_id"
          pagination={false}
          dataSource={people}
          columns={[
            {
              title: t("list_of.record"),
              render: (_, person) => (
                <Link to="/patients/$patientId" params={{ patientId: person.patient_id }}>
                  {person.record_number}
                </Link>
              ),
            },
            { title: t("list_of.department"), dataIndex: "department" },
            {
              title: t("list_of.result"),
              render: (_, person) => (person.group ? t(`groups.${person.group}`) : person.reasons.map(leftOutWords).join(", ")),
            },
            { title: t("list_of.attempts"), dataIndex: "attempts", align: "right" },
            { title: t("list_of.last"), render: (_, person) => (person.last_outcome ? t(`outcomes.${person.last_outcome}`) : "") },
            { title: t("list_of.called"), render: (_, person) => (person.called_at ? dayAndClock(person.called_at) : "") },
          ]}
        />
      )}
      {query.hasNextPage && (
        <Button className="campaigns-more" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
          {t("more")}
        </Button>
      )}
      {dialog === "export" && <ExportDialog campaign={campaign} list={list} name={nameOf(list)} onClose={() => setDialog(null)} />}
      {dialog === "call" && group && <CallListDialog campaign={campaign} group={group} queues={queues} onClose={() => setDialog(null)} />}
    </section>
  );
}
