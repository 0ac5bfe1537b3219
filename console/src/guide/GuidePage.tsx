import { useTranslation } from "react-i18next";
import "./words";

export default function GuidePage() {
  const { t } = useTranslation("guide");
  return <h1>{t("title")}</h1>;
}
