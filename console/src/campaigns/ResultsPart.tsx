// What came of a campaign's people, read from the rows of this moment: the groups add up to everybody.
import { Button, Progress } from "antd";
import { useTranslation } from "react-i18next";
import { percent } from "@/wall/shares";
import type { ListName } from "./CampaignPage";
import { LeftOut } from "./EstimatePart";
import { GROUPS, type Campaign } from "./shown";

interface Props {
  campaign: Campaign;
  onShow: (list: ListName) => void;
}

export function ResultsPart({ campaign, onShow }: Props) {
  const { t } = useTranslation("campaigns");
  const { size, groups, left_out: leftOut } = campaign.counts;
  return (
    <section className="campaign-part" aria-labelledby="campaign-results">
      <h2 id="campaign-results">{t("detail.results", { size })}</h2>
      <table className="campaign-groups">
        <thead>
          <tr>
            <th scope="col">{t("detail.group")}</th>
            <th scope="col">{t("detail.people")}</th>
            <th scope="col">{t("detail.share")}</th>
          </tr>
        </thead>
        <tbody>
          {GROUPS.map((group) => {
            const count = groups[group] ?? 0;
            const share = size ? count / size : 0;
            return (
              <tr key={group}>
                <th scope="row">
                  <Button
                    type="link"
                    size="small"
                    disabled={!count}
                    aria-label={t("detail.show", { name: t(`groups.${group}`) })}
                    onClick={() => onShow(group)}
                  >
                    {t(`groups.${group}`)}
                  </Button>
                </th>
                <td>{count}</td>
                <td>
                  <Progress percent={Math.round(share * 1000) / 10} size="small" status="normal" format={() => percent(share)} aria-label={t(`groups.${group}`)} />
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
      <LeftOut leftOut={leftOut} />
    </section>
  );
}
