import { useTranslation } from "react-i18next";
import "./words";

export default function CampaignPage() {
  const { t } = useTranslation("campaigns");
  return <h1>{t("title")}</h1>;
}
