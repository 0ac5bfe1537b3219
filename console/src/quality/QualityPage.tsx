// Quality: for supervisors what to look at, what was scored, how far graders agree; for agents their own scores.
import { useNavigate, useParams } from "@tanstack/react-router";
import { Tabs } from "antd";
import { useTranslation } from "react-i18next";
import { useHasRole } from "@/api/me";
import { Doubts } from "./Doubts";
import { Rounds } from "./Rounds";
import { Samples } from "./Samples";
import { Scores } from "./Scores";
import { Trends } from "./Trends";
import "./style.css";
import "./words";

const PARTS = { doubts: Doubts, samples: Samples, scores: Scores, rounds: Rounds, trends: Trends } as const;
type Part = keyof typeof PARTS;
const OF_AGENTS: readonly Part[] = ["scores", "trends"];

export default function QualityPage() {
  const { t } = useTranslation("quality");
  const { part } = useParams({ strict: false }) as { part?: string };
  const navigate = useNavigate();
  const oversees = useHasRole("supervisor");
  const parts = oversees ? (Object.keys(PARTS) as Part[]) : OF_AGENTS;
  const shown = parts.find((each) => each === part) ?? parts[0]!;
  const Shown = PARTS[shown];
  return (
    <section aria-labelledby="quality-title" className="quality">
      <h1 id="quality-title">{t("title")}</h1>
      <Tabs
        activeKey={shown}
        onChange={(key) => void navigate({ to: `/quality/${key}` })}
        items={parts.map((each) => ({ key: each, label: t(`parts.${each}`), children: each === shown ? <Shown /> : null }))}
      />
    </section>
  );
}
