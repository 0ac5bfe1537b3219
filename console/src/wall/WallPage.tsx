import { useTranslation } from "react-i18next";
import "./words";

export default function WallPage() {
  const { t } = useTranslation("wall");
  return <h1>{t("title")}</h1>;
}
