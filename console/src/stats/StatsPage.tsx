import { useTranslation } from "react-i18next";
import "./words";

export default function StatsPage() {
  const { t } = useTranslation("stats");
  return <h1>{t("title")}</h1>;
}
