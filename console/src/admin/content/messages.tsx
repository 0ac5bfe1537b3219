// The texts that are written to patients and to duty telephones, both languages side by side, with their places for values.
import { Table } from "antd";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { Loaded } from "@/shown/Loaded";
import { Status } from "./templates";
import "./content.css";
import "./words";

type Text = Shape["MessageTextAnswer"];

export default function Messages() {
  const { t } = useTranslation("admin_content");
  const texts = $api.useQuery("get", "/api/v1/message-texts");
  return (
    <Loaded query={texts} isEmpty={(found) => found.texts.length === 0} empty={t("messages.none")}>
      {(found) => (
        <>
          <p className="admin-quiet">{t("messages.shipped")}</p>
          <Table<Text>
            size="small"
            rowKey="id"
            dataSource={found.texts}
            pagination={false}
            columns={[
              {
                title: t("messages.when"),
                key: "when",
                width: 150,
                render: (_, one) => (
                  <>
                    {t(`message_names.${one.id as "missed_call"}`, one.id)}
                    <div className="admin-mono admin-quiet">{one.id}</div>
                  </>
                ),
              },
              { title: t("in_chinese"), key: "zh", render: (_, one) => <span lang="zh-CN">{one.text.zh}</span> },
              { title: t("in_english"), key: "en", render: (_, one) => <span lang="en">{one.text.en}</span> },
              { title: t("version"), dataIndex: "version", width: 70, align: "right" },
              { title: t("status"), key: "status", width: 110, render: (_, one) => <Status status={one.status} /> },
            ]}
          />
        </>
      )}
    </Loaded>
  );
}
