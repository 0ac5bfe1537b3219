// How follow-ups, calls, surveys, alerts and complaints go: figures with their definitions, told apart, down to the tasks.
import { Alert } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { dayAndClock, day } from "@/shown/instants";
import { Loaded } from "@/shown/Loaded";
import { AllFigures } from "./AllFigures";
import { queryOf, rowQueryOf, useAsked } from "./asked";
import { Compare } from "./Compare";
import type { Row } from "./figures";
import { Narrow } from "./Narrow";
import { TakeFile } from "./TakeFile";
import { TasksBehind, type Behind } from "./TasksBehind";
import { Tiles } from "./Tiles";
import "./stats.css";
import "./words";

export default function StatsPage() {
  const { t } = useTranslation("stats");
  const [asked, change] = useAsked();
  const [behind, setBehind] = useState<Behind | null>(null);
  const definitions = $api.useQuery("get", "/api/v1/indicators/definitions", undefined, { staleTime: Infinity });
  const query = $api.useQuery("get", "/api/v1/indicators", { params: { query: { ...queryOf(asked), by: "none", live: asked.live } } });
  const known = definitions.data?.definitions ?? [];
  const drilled = known.find((each) => each.code === behind?.code);
  const drill = (code: string, row: Row | null) => {
    const period = t("behind_of", { first: asked.first, last: asked.last });
    setBehind({ code, of: row ? `${period} · ${row.name || t(`none.${asked.by}`)}` : period, query: row ? rowQueryOf(asked, row.key) : queryOf(asked) });
  };
  return (
    <div className="stats">
      <div className="stats-top">
        <h1>{t("title")}</h1>
        {query.data && <span className="stats-quiet">{t("as_of", { time: dayAndClock(query.data.as_of) })}</span>}
        <TakeFile asked={asked} />
      </div>
      <Narrow asked={asked} change={change} />
      {query.data && query.data.frozen.length > 0 && (
        <Alert
          type="info"
          showIcon
          title={t("frozen", { months: query.data.frozen.map(({ month, frozen_at }) => t("frozen_month", { month: month.slice(0, 7), at: day(frozen_at) })).join(t("comma")) })}
        />
      )}
      <Loaded query={definitions}>
        {() => (
          <>
            <Loaded query={query}>{(data) => <Tiles definitions={known} figures={data.total} />}</Loaded>
            <Compare asked={asked} change={change} definitions={known} drill={drill} />
            <Loaded query={query} isEmpty={(data) => data.total.length === 0} empty={t("nothing")}>
              {(data) => <AllFigures definitions={known} figures={data.total} drill={(code) => drill(code, null)} />}
            </Loaded>
          </>
        )}
      </Loaded>
      {behind && drilled && (
        <TasksBehind key={JSON.stringify(behind)} behind={behind} definition={drilled} frozen={(query.data?.frozen.length ?? 0) > 0} close={() => setBehind(null)} />
      )}
    </div>
  );
}
