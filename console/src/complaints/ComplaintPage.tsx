import { useTranslation } from "react-i18next";
import "./words";

export default function ComplaintPage() {
  const { t } = useTranslation("complaints");
  return <h1>{t("title")}</h1>;
}
