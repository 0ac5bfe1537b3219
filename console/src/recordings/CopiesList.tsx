// Redacted copies that were released: what reviewers hear, and what supervisors have let out.
import { Link } from "@tanstack/react-router";
import { Table } from "antd";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { dayAndClock } from "@/shown/instants";
import { Loaded } from "@/shown/Loaded";
import "./recordings.css";

export function CopiesList() {
  const { t } = useTranslation("recordings");
  const copies = $api.useQuery("get", "/api/v1/redacted-copies", { params: { query: { limit: 200 } } });
  return (
    <>
      <h1 className="page-title">{t("copies.title")}</h1>
      <p className="list-quiet">{t("copies.about")}</p>
      <Loaded query={copies} isEmpty={(page) => !page.copies.length} empty={t("copies.none")}>
        {(page) => (
          <Table<Shape["CopyAnswer"]>
            size="small"
            rowKey="id"
            pagination={{ pageSize: 50, hideOnSinglePage: true }}
            dataSource={page.copies}
            columns={[
              {
                title: t("copies.released"),
                render: (_, copy) => (
                  <Link to={`/recordings/${copy.id}`} search={{ copy: true } as never}>
                    {dayAndClock(copy.released_at)}
                  </Link>
                ),
              },
              { title: t("copies.purpose"), render: (_, copy) => t(`purposes.${copy.purpose}`) },
              { title: t("copies.reason"), dataIndex: "reason" },
              { title: t("copies.language"), render: (_, copy) => t(copy.language === "en" ? "copies.en" : "copies.zh") },
              { title: t("copies.until"), render: (_, copy) => (copy.until ? dayAndClock(copy.until) : t("copies.open_end")) },
            ]}
          />
        )}
      </Loaded>
    </>
  );
}
