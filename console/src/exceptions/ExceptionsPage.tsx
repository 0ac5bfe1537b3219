import { useTranslation } from "react-i18next";
import "./words";

export default function ExceptionsPage() {
  const { t } = useTranslation("exceptions");
  return <h1>{t("title")}</h1>;
}
