// What a draft would come to: reckoned, and tried dry. Nothing is written by either.
import { Alert, Button, Descriptions, Space, Table } from "antd";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { dayAndClock } from "@/shown/instants";
import { Loaded } from "@/shown/Loaded";
import { percent } from "@/wall/shares";
import { leftOutWords, type Campaign } from "./shown";

export function EstimatePart({ campaign }: { campaign: Campaign }) {
  const { t } = useTranslation("campaigns");
  const of = { params: { path: { campaign_id: campaign.id } } };
  const estimate = $api.useQuery("get", "/api/v1/campaigns/{campaign_id}/estimate", of, { enabled: false, retry: false });
  const dry = $api.useQuery("get", "/api/v1/campaigns/{campaign_id}/dry-run", of, { enabled: false, retry: false });
  const asked = estimate.isFetching || estimate.data !== undefined || estimate.error !== null;
  const tried = dry.isFetching || dry.data !== undefined || dry.error !== null;
  return (
    <section className="campaign-part" aria-labelledby="campaign-estimate">
      <h2 id="campaign-estimate">{t("estimate.title")}</h2>
      <p>{t("detail.not_started")}</p>
      <Space>
        <Button type="primary" loading={estimate.isFetching} onClick={() => void estimate.refetch()}>
          {estimate.data ? t("estimate.again") : t("estimate.ask")}
        </Button>
        <Button loading={dry.isFetching} onClick={() => void dry.refetch()}>
          {t("estimate.dry")}
        </Button>
      </Space>
      {asked && (
        <Loaded query={estimate}>
          {(told) => (
            <>
              <Alert
                className="campaign-fits"
                type={told.fits ? "success" : "warning"}
                showIcon
                title={told.fits ? t("estimate.fits") : t("estimate.not_fits", { count: told.no_room })}
                description={t("estimate.hint")}
              />
              <Descriptions
                size="small"
                column={{ xs: 1, lg: 3 }}
                items={[
                  { key: "people", label: t("estimate.people"), children: told.people },
                  { key: "callable", label: t("estimate.callable"), children: told.callable },
                  { key: "no_room", label: t("estimate.no_room"), children: told.no_room },
                  { key: "lines", label: t("estimate.lines"), children: told.lines },
                  { key: "seconds", label: t("estimate.seconds"), children: t("estimate.seconds_value", { seconds: told.seconds_each }) },
                  { key: "rate", label: t("estimate.rate"), children: percent(told.answer_rate) },
                  { key: "calls", label: t("estimate.calls"), children: told.calls },
                  { key: "ends", label: t("estimate.ends"), children: told.ends_at ? dayAndClock(told.ends_at) : t("estimate.unknown") },
                  { key: "cost", label: t("estimate.cost"), children: told.cost ?? t("estimate.unknown") },
                ]}
              />
              <LeftOut leftOut={told.left_out} />
            </>
          )}
        </Loaded>
      )}
      {tried && (
        <Loaded query={dry} isEmpty={(told) => told.hours.length === 0} empty={t("estimate.dry_none")}>
          {(told) => (
            <>
              <h3>{t("estimate.dry_title")}</h3>
              <Table
                size="small"
                rowKey="starts"
                pagination={{ pageSize: 24, hideOnSinglePage: true }}
                dataSource={told.hours}
                columns={[
                  { title: t("estimate.hour"), render: (_, hour) => dayAndClock(hour.starts) },
                  { title: t("estimate.first_calls"), render: (_, hour) => hour.patient_ids.length },
                ]}
              />
            </>
          )}
        </Loaded>
      )}
    </section>
  );
}

export function LeftOut({ leftOut }: { leftOut: Record<string, number> }) {
  const { t } = useTranslation("campaigns");
  const rows = Object.entries(leftOut).sort((one, two) => two[1] - one[1]);
  if (rows.length === 0) return null;
  const count = rows.reduce((sum, [, each]) => sum + each, 0);
  return (
    <>
      <h3>{t("detail.left_out", { count })}</h3>
      <ul className="campaign-left-out">
        {rows.map(([reason, each]) => (
          <li key={reason}>
            {leftOutWords(reason)} <strong>{each}</strong>
          </li>
        ))}
      </ul>
    </>
  );
}
