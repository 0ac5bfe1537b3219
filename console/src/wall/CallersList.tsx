// Who rang us and waits.
import { Tag } from "antd";
import { memo } from "react";
import { useTranslation } from "react-i18next";
import { Since } from "@/shown/Since";
import type { Wall } from "./useWall";

interface Props {
  callers: Wall["callers"];
  names: ReadonlyMap<string, string>;
  queueNames: ReadonlyMap<string, string>;
}

export const CallersList = memo(function CallersList({ callers, names, queueNames }: Props) {
  const { t } = useTranslation("wall");
  if (callers.length === 0) return null;
  return (
    <section className="wall-card wall-callers" aria-labelledby="wall-callers">
      <header>
        <h2 id="wall-callers">{t("callers.title", { count: callers.length })}</h2>
      </header>
      <ul>
        {callers.map((caller) => (
          <li key={caller.inbound_call_id}>
            <Tag color={caller.state === "waiting" ? "red" : "blue"}>{t(`callers.states.${caller.state}`)}</Tag>
            <span>{caller.number ? caller.number.replace(/^\*+/, "…") : t("callers.withheld")}</span>
            <span className="wall-cut">{caller.queue_id ? queueNames.get(caller.queue_id) : ""}</span>
            <Since instant={caller.waiting_since ?? caller.rang_at} />
            {caller.offered_to && <span className="wall-detail">{t("callers.offered", { name: names.get(caller.offered_to) ?? "" })}</span>}
          </li>
        ))}
      </ul>
    </section>
  );
});
