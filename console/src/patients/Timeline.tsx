// Everything known of a patient in one story, newest first, narrowed by kind, read on by the place of the last item.
import { Button, Checkbox, Empty, Tag } from "antd";
import { PrinterOutlined } from "@ant-design/icons";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, type Shape } from "@/api/client";
import { clock, day } from "@/shown/instants";
import { ProblemNote } from "@/shown/ProblemNote";
import { said } from "@/words";
import "@/work/words";
import { word } from "./codes";
import type { PartProps } from "./parts";
import { lineOf } from "./timeline_lines";

type Kind = Shape["TimelineKind"];
type Item = Shape["api__record_answers__ItemAnswer"];

const PAGE = 50;

export default function Timeline({ record, patientId }: PartProps) {
  const { t } = useTranslation("patients");
  const [kinds, setKinds] = useState<Kind[]>([]);
  const pages = useInfiniteQuery({
    queryKey: ["get", "/api/v1/patients/{patient_id}/timeline", patientId, kinds],
    initialPageParam: undefined as string | undefined,
    queryFn: async ({ pageParam, signal }) =>
      (await api.GET("/api/v1/patients/{patient_id}/timeline", { params: { path: { patient_id: patientId }, query: { kind: kinds, before: pageParam, limit: PAGE } }, signal })).data!,
    getNextPageParam: (page) => page.next ?? undefined,
  });
  const items = pages.data?.pages.flatMap((page) => page.items) ?? [];
  const shown = (Object.keys(record.counts) as Kind[]).filter((kind) => record.counts[kind]);
  return (
    <div className="timeline">
      <div className="timeline-filter">
        <Checkbox.Group
          aria-label={t("timeline.filter")}
          value={kinds}
          onChange={(chosen) => setKinds(chosen as Kind[])}
          options={shown.map((kind) => ({ value: kind, label: `${word("timeline_kind", kind)} ${record.counts[kind]}` }))}
        />
        <span className="record-ends">
          {kinds.length > 0 && (
            <Button size="small" onClick={() => setKinds([])}>
              {t("timeline.all")}
            </Button>
          )}
          <Button size="small" icon={<PrinterOutlined />} onClick={() => window.print()}>
            {t("print")}
          </Button>
        </span>
      </div>
      {pages.error && <ProblemNote problem={pages.error} retry={() => void pages.refetch()} />}
      {pages.isSuccess && items.length === 0 && <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t("timeline.none")} />}
      <ol className="timeline-items" aria-busy={pages.isFetching}>
        {items.map((item, place) => {
          const newDay = place === 0 || day(items[place - 1]!.at) !== day(item.at);
          return <Line key={`${item.kind}${item.id}`} item={item} newDay={newDay} />;
        })}
      </ol>
      {pages.hasNextPage ? (
        <Button loading={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
          {t("timeline.more")}
        </Button>
      ) : (
        items.length > 0 && <p className="quiet">{t("timeline.end")}</p>
      )}
    </div>
  );
}

function Line({ item, newDay }: { item: Item; newDay: boolean }) {
  const title = said(item.title);
  const kind = said(item.kind_title);
  return (
    <li className={newDay ? "new-day" : undefined}>
      <time dateTime={item.at}>
        <span className={newDay ? undefined : "for-readers"}>{day(item.at)}</span> <span className="quiet">{clock(item.at)}</span>
      </time>
      <Tag color={item.kind === "alert" ? "error" : item.kind === "request" ? "orange" : undefined}>{kind}</Tag>
      <span>
        {title !== kind && <strong>{title}</strong>} {lineOf(item)} <small className="quiet">{said(item.source_title)}</small>
      </span>
    </li>
  );
}
