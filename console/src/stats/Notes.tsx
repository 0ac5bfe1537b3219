// What has to be known of a figure before anybody compares it.
import { EyeInvisibleOutlined, WarningOutlined } from "@ant-design/icons";
import { Tag } from "antd";
import { useTranslation } from "react-i18next";
import { plain, type Definition, type Figure } from "./figures";

export function Notes({ figure, shape }: { figure: Figure; shape: Definition["shape"] }) {
  const { t } = useTranslation("stats");
  return (
    <>
      {figure.ninetieth != null && <span className="stats-quiet">{t("ninetieth", { value: plain(figure.ninetieth, shape) })} </span>}
      {figure.hidden && (
        <Tag icon={<EyeInvisibleOutlined aria-hidden />} color="default">
          {t("hidden")}
        </Tag>
      )}
      {figure.small && !figure.hidden && figure.value != null && (
        <Tag icon={<WarningOutlined aria-hidden />} color="warning">
          {t("small")}
        </Tag>
      )}
    </>
  );
}
