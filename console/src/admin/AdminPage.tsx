// What can be administered here, as far as the reader's roles go.
import { Link } from "@tanstack/react-router";
import { Empty } from "antd";
import { useTranslation } from "react-i18next";
import { useMe } from "@/api/me";
import { GROUPS, partsFor } from "./parts";
import "./admin.css";
import "./words";

export default function AdminPage() {
  const { t } = useTranslation("admin");
  const me = useMe();
  const mine = partsFor(me.data?.roles ?? []);
  return (
    <div className="admin">
      <h1>{t("title")}</h1>
      {mine.length === 0 && <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t("nothing_yours")} />}
      {GROUPS.filter((group) => mine.some((part) => part.group === group)).map((group) => (
        <section key={group} aria-labelledby={`group-${group}`}>
          <h2 id={`group-${group}`}>{t(`groups.${group}`)}</h2>
          <ul className="admin-parts">
            {mine
              .filter((part) => part.group === group)
              .map((part) => (
                <li key={part.id}>
                  <Link to="/admin/$part" params={{ part: part.id }}>
                    {t(`parts.${part.id}.title`)}
                  </Link>
                  <p>{t(`parts.${part.id}.about`)}</p>
                </li>
              ))}
          </ul>
        </section>
      ))}
    </div>
  );
}
