import { useTranslation } from "react-i18next";
import "./words";

export default function QualityPartPage() {
  const { t } = useTranslation("quality");
  return <h1>{t("title")}</h1>;
}
