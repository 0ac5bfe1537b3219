// One part of administration, chosen by its address, beside the list of the others.
import { Link, useParams } from "@tanstack/react-router";
import { Menu, Spin } from "antd";
import { Suspense } from "react";
import { useTranslation } from "react-i18next";
import { useMe } from "@/api/me";
import { NotFound, NotYours } from "@/app/dead_ends";
import { GROUPS, PARTS, partsFor } from "./parts";
import "./admin.css";
import "./words";

export default function AdminPartPage() {
  const { t } = useTranslation("admin");
  const me = useMe();
  const { part: id } = useParams({ strict: false }) as { part: string };
  const part = PARTS.find((one) => one.id === id);
  const mine = partsFor(me.data?.roles ?? []);
  if (!part) return <NotFound />;
  if (!mine.includes(part)) return <NotYours />;
  return (
    <div className="admin-part">
      <nav aria-label={t("title")}>
        <Menu
          mode="inline"
          selectedKeys={[part.id]}
          items={GROUPS.filter((group) => mine.some((one) => one.group === group)).map((group) => ({
            key: group,
            type: "group",
            label: t(`groups.${group}`),
            children: mine
              .filter((one) => one.group === group)
              .map((one) => ({
                key: one.id,
                label: (
                  <Link to="/admin/$part" params={{ part: one.id }}>
                    {t(`parts.${one.id}.title`)}
                  </Link>
                ),
              })),
          }))}
        />
      </nav>
      <section className="admin-room">
        <h1>{t(`parts.${part.id}.title`)}</h1>
        <p className="admin-about">{t(`parts.${part.id}.about`)}</p>
        <Suspense fallback={<Spin />}>
          <part.page />
        </Suspense>
      </section>
    </div>
  );
}
