// Another tab of this browser leads: this one shows everything and does nothing, until it takes over.
import { Button } from "antd";
import { useTranslation } from "react-i18next";
import { leading, takeOver } from "./leader";

export default function SecondTab() {
  const { t } = useTranslation("calls");
  const follows = leading((state) => state.follows);
  if (!follows) return null;
  return (
    <div className="second-tab" role="status">
      <span>{t("second_tab.says")}</span>
      <Button onClick={takeOver}>{t("second_tab.take_over")}</Button>
    </div>
  );
}
