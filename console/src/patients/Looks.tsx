// Who opened or changed this record, and when; for supervisors.
import { Button, Table } from "antd";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import "@/admin/house/words";
import { api, type Shape } from "@/api/client";
import { dayAndClock } from "@/shown/instants";
import { ProblemNote } from "@/shown/ProblemNote";
import type { PartProps } from "./parts";

export default function Looks({ patientId }: PartProps) {
  const { t } = useTranslation(["patients", "admin_house"]);
  const pages = useInfiniteQuery({
    queryKey: ["get", "/api/v1/patients/{patient_id}/audit", patientId],
    initialPageParam: undefined as number | undefined,
    queryFn: async ({ pageParam, signal }) =>
      (await api.GET("/api/v1/patients/{patient_id}/audit", { params: { path: { patient_id: patientId }, query: { before: pageParam, limit: 50 } }, signal })).data!,
    getNextPageParam: (page) => page.next ?? undefined,
  });
  if (pages.error) return <ProblemNote problem={pages.error} retry={() => void pages.refetch()} />;
  return (
    <>
      <p className="quiet">{t("looks.about")}</p>
      <Table<Shape["AuditedAnswer"]>
        size="small"
        rowKey="position"
        loading={pages.isPending}
        dataSource={pages.data?.pages.flatMap((page) => page.entries)}
        pagination={false}
        columns={[
          { title: t("looks.at"), key: "at", width: 180, render: (_, row) => dayAndClock(row.at) },
          { title: t("looks.who"), key: "who", width: 200, render: (_, row) => row.user_name ?? t("looks.system") },
          {
            title: t("looks.what"),
            key: "what",
            render: (_, row) => t(`admin_house:audit.actions.${row.action as "logged_in"}`, { defaultValue: row.action.replaceAll("_", " ") }),
          },
        ]}
      />
      {pages.hasNextPage && (
        <Button className="patients-more" loading={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
          {t("looks.more")}
        </Button>
      )}
    </>
  );
}
