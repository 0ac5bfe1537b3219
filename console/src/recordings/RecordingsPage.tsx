import { useTranslation } from "react-i18next";
import "./words";

export default function RecordingsPage() {
  const { t } = useTranslation("recordings");
  return <h1>{t("title")}</h1>;
}
