import { useTranslation } from "react-i18next";
import "./words";

export default function AdminPartPage() {
  const { t } = useTranslation("admin");
  return <h1>{t("title")}</h1>;
}
