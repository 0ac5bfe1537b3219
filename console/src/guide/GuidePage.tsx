// How to work with the console: the first call, the keys, each page in a sentence, what to do when something is wrong.
import { Card } from "antd";
import { Link, type LinkProps } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { useMe } from "@/api/me";
import { PAGES } from "@/app/pages";
import zh from "./words.zh";
import "./guide.css";
import "./words";

const STEPS = Object.keys(zh.first_steps) as (keyof typeof zh.first_steps)[];
const TROUBLES = Object.keys(zh.troubles) as (keyof typeof zh.troubles)[];
const POINTS = Object.keys(zh.privacy_points) as (keyof typeof zh.privacy_points)[];

export default function GuidePage() {
  const { t } = useTranslation(["guide", "app"]);
  const me = useMe();
  const mine = PAGES.filter(({ nav, roles }) => nav && nav !== "guide" && (roles.length === 0 || roles.some((role) => me.data?.roles.includes(role))));
  return (
    <div className="guide">
      <h1>{t("title")}</h1>
      {me.data?.roles.includes("agent") && (
        <Card size="small" title={<h2>{t("first")}</h2>}>
          <ol>
            {STEPS.map((step) => (
              <li key={step}>{t(`first_steps.${step}`)}</li>
            ))}
          </ol>
        </Card>
      )}
      <Card size="small" title={<h2>{t("pages")}</h2>}>
        <dl>
          {mine.map(({ nav, path }) => (
            <div key={path}>
              <dt>
                <Link to={path as LinkProps["to"]}>{t(`app:nav.${nav!}`)}</Link>
              </dt>
              <dd>{t(`parts.${nav as "work"}`)}</dd>
            </div>
          ))}
        </dl>
      </Card>
      <Card size="small" title={<h2>{t("trouble")}</h2>}>
        <dl>
          {TROUBLES.map((one) => (
            <div key={one}>
              <dt>{t(`troubles.${one}.title`)}</dt>
              <dd>{t(`troubles.${one}.text`)}</dd>
            </div>
          ))}
        </dl>
      </Card>
      <Card size="small" title={<h2>{t("keys")}</h2>}>
        <p>{t("keys_about")}</p>
      </Card>
      <Card size="small" title={<h2>{t("privacy")}</h2>}>
        <ul>
          {POINTS.map((one) => (
            <li key={one}>{t(`privacy_points.${one}`)}</li>
          ))}
        </ul>
      </Card>
    </div>
  );
}
