import { useTranslation } from "react-i18next";
import "./words";

export default function WorkPage() {
  const { t } = useTranslation("work");
  return <h1>{t("title")}</h1>;
}
