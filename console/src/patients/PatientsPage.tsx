import { useTranslation } from "react-i18next";
import "./words";

export default function PatientsPage() {
  const { t } = useTranslation("patients");
  return <h1>{t("title")}</h1>;
}
