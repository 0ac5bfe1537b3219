// Recorded calls, newest first; more by the server's cursor.
import { CommentOutlined, WarningOutlined } from "@ant-design/icons";
import { Link } from "@tanstack/react-router";
import { Button, Empty, Skeleton, Table, Tag } from "antd";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { dayAndClock, span } from "@/shown/instants";
import { ProblemNote } from "@/shown/ProblemNote";
import { ofCalls, type Filters, type Level } from "./filters";

type Call = Shape["RecordedCallAnswer"];

export const LEVEL_COLORS: Record<Level, string> = { red: "red", amber: "orange", yellow: "gold" };

export function CallTable({ filters }: { filters: Filters }) {
  const { t } = useTranslation("recordings");
  const pages = $api.useInfiniteQuery(
    "get",
    "/api/v1/recordings",
    { params: { query: ofCalls(filters) } },
    { pageParamName: "after", initialPageParam: null, getNextPageParam: (page: Shape["RecordedCallsAnswer"]) => page.next ?? undefined },
  );
  if (pages.isPending) return <Skeleton active paragraph={{ rows: 8 }} />;
  if (!pages.data) return <ProblemNote problem={pages.error} retry={() => void pages.refetch()} />;
  const calls = pages.data.pages.flatMap((page) => page.recordings);
  if (!calls.length) {
    return <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={Object.keys(filters).length ? t("list.none_such") : t("list.none")} />;
  }
  return (
    <>
      <Table<Call>
        size="small"
        rowKey="id"
        pagination={false}
        dataSource={calls}
        columns={[
          {
            title: t("list.at"),
            width: 168,
            render: (_, call) => (
              <Link to={`/recordings/${call.id}`} aria-label={t("list.open", { at: call.at ? dayAndClock(call.at) : "", patient: call.patient_name })}>
                {call.at ? dayAndClock(call.at) : t("list.open_it")}
              </Link>
            ),
          },
          { title: t("list.patient"), dataIndex: "patient_name", width: 200 },
          { title: t("list.agent"), dataIndex: "agent_name", width: 120 },
          {
            title: t("list.queue"),
            render: (_, call) => (
              <>
                {call.queue_name}
                {call.department && <span className="list-quiet"> {call.department}</span>}
              </>
            ),
          },
          { title: t("list.outcome"), width: 130, render: (_, call) => call.outcome && t(`outcomes.${call.outcome}`) },
          { title: t("list.length"), width: 84, align: "right", render: (_, call) => (call.seconds === null ? "" : span(call.seconds)) },
          {
            title: t("list.signs"),
            width: 220,
            render: (_, call) => (
              <>
                {call.alert_levels.map((level) => (
                  <Tag key={level} color={LEVEL_COLORS[level]} icon={<WarningOutlined />}>
                    {t(`levels.${level}`)}
                  </Tag>
                ))}
                {call.gap && <Tag>{t(`gaps.${call.gap}`)}</Tag>}
                {call.comments > 0 && (
                  <Tag icon={<CommentOutlined />} title={t("list.comments")}>
                    {call.comments}
                  </Tag>
                )}
                {call.state !== "transcribed" && <Tag color={call.state === "failed" ? "error" : "default"}>{t(`states.${call.state}`)}</Tag>}
              </>
            ),
          },
          { title: t("list.score"), width: 72, align: "right", render: (_, call) => (call.score === null ? "" : Math.round(call.score)) },
        ]}
      />
      {pages.hasNextPage && (
        <div className="list-more">
          <Button loading={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
            {t("list.more")}
          </Button>
        </div>
      )}
    </>
  );
}
