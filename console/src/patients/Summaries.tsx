// Stage summaries: gathered from the record, completed by the care team, signed by a doctor, printed and sent.
import { Button, Empty, Table, Tag } from "antd";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { $api, api, type Shape } from "@/api/client";
import { serverNow } from "@/live/server_clock";
import { Loaded } from "@/shown/Loaded";
import { day, isoDay } from "@/shown/instants";
import { word } from "./codes";
import { Command, DayField } from "./Command";
import { OneSummary } from "./OneSummary";
import type { PartProps } from "./parts";

const MONTHS_3 = 90 * 86_400_000;

export default function Summaries({ patientId }: PartProps) {
  const { t } = useTranslation("patients");
  const go = useNavigate();
  const { summary: chosen } = useSearch({ strict: false }) as { summary?: string };
  const open = (id?: string) => void go({ to: "/patients/$patientId", params: { patientId }, search: { part: "summaries", summary: id } as never });
  const params = { path: { patient_id: patientId } };
  const found = $api.useQuery("get", "/api/v1/patients/{patient_id}/summaries", { params });
  if (chosen) return <OneSummary summaryId={chosen} onBack={() => open()} />;
  return (
    <>
      <div className="record-bar">
        <Command<{ since: string; until: string }>
          label={t("summaries.gather")}
          about={t("summaries.none_help")}
          initial={{ since: isoDay(new Date(serverNow() - MONTHS_3)), until: isoDay(new Date(serverNow())) }}
          run={async (body) => {
            const { data } = await api.POST("/api/v1/patients/{patient_id}/summaries", { params, body });
            if (data) open(data.id);
          }}
        >
          <DayField name="since" label={t("summaries.since")} />
          <DayField name="until" label={t("summaries.until")} />
        </Command>
      </div>
      <Loaded query={found}>
        {({ summaries }) => (
          <Table<Shape["SummaryRow"]>
            size="small"
            rowKey="id"
            dataSource={summaries}
            pagination={false}
            locale={{
              emptyText: (
                <Empty
                  image={Empty.PRESENTED_IMAGE_SIMPLE}
                  description={
                    <>
                      {t("summaries.none")}
                      <br />
                      <span className="quiet">{t("summaries.none_help")}</span>
                    </>
                  }
                />
              ),
            }}
            columns={[
              {
                title: t("summaries.number"),
                key: "number",
                render: (_, one) => (
                  <Button type="link" onClick={() => open(one.id)}>
                    {one.number}
                  </Button>
                ),
              },
              { title: t("summaries.covers"), key: "period", render: (_, one) => t("summaries.period", { since: day(one.since), until: day(one.until) }) },
              { title: t("plans.state"), key: "state", render: (_, one) => <Tag color={one.state === "signed" ? "green" : one.state === "draft" ? "gold" : undefined}>{word("summary_state", one.state)}</Tag> },
              { title: t("summaries.signature"), key: "signed", render: (_, one) => one.signed_at && `${one.signer_name} ${day(one.signed_at)}` },
            ]}
          />
        )}
      </Loaded>
    </>
  );
}
