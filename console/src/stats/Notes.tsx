// What has to be known of a figure before anybody compares it.
import { EyeInvisibleOutlined, WarningOutlined } from "@ant-design/icons";
import { useTranslation } from "react-i18next";
import { plain, type Definition, type Figure } from "./figures";

export function Notes({ figure, shape }: { figure: Figure; shape: Definition["shape"] }) {
  const { t } = useTranslation("stats");
  return (
    <>
      {figure.ninetieth != null && <span className="stats-quiet">{t("ninetieth", { value: plain(figure.ninetieth, shape) })} </span>}
      {figure.hidden && (
        <span className="stats-flag stats-quiet">
          <EyeInvisibleOutlined aria-hidden /> {t("hidden")}
        </span>
      )}
      {figure.small && !figure.hidden && figure.value != null && (
        <span className="stats-flag stats-small">
          <WarningOutlined aria-hidden /> {t("small")}
        </span>
      )}
    </>
  );
}
