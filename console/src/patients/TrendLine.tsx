// A trend drawn as vectors, so that it prints as sharply as it shows: line, usual range, points outside of it filled. The table says the same.
import { useTranslation } from "react-i18next";
import type { Shape } from "@/api/client";
import { day } from "@/shown/instants";
import { said, type Both } from "@/words";
import { scaleOf, ticksOf } from "./scale";

type Trend = Shape["TrendAnswer"];

const [WIDTH, HEIGHT] = [1080, 260];
const EDGE = { left: 52, right: 16, top: 12, bottom: 26 };

export function TrendLine({ trend }: { trend: Trend }) {
  const { t } = useTranslation("patients");
  const points = trend.line.map((point) => ({ at: Date.parse(point.at), value: point.value }));
  const first = points[0]!;
  const last = points.at(-1)!;
  const band = trend.band;
  const values = [...points.map((point) => point.value), ...(band ? [band.low, band.high].filter((edge) => edge !== null) : [])];
  const levels = ticksOf(Math.min(...values), Math.max(...values), 5);
  const x = scaleOf(first.at, last.at, EDGE.left, WIDTH - EDGE.right);
  const y = scaleOf(levels[0]!, levels.at(-1)!, HEIGHT - EDGE.bottom, EDGE.top);
  const outside = (value: number) => band !== null && ((band.low !== null && value < band.low) || (band.high !== null && value > band.high));
  const shown = (value: number) => value.toFixed(trend.decimals);
  const label = t("results.chart", {
    name: said(trend.name as unknown as Both),
    count: trend.count,
    from: day(new Date(first.at)),
    until: day(new Date(last.at)),
    last: shown(last.value),
  });
  const times = Array.from({ length: 6 }, (_, place) => first.at + ((last.at - first.at) * place) / 5);
  return (
    <svg className="record-trend" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
      {band && (band.low !== null || band.high !== null) && (
        <rect
          className="usual"
          x={EDGE.left}
          width={WIDTH - EDGE.left - EDGE.right}
          y={y(band.high ?? levels.at(-1)!)}
          height={Math.max(1, y(band.low ?? levels[0]!) - y(band.high ?? levels.at(-1)!))}
        />
      )}
      {levels.map((level) => (
        <g key={level}>
          <line className="grid" x1={EDGE.left} x2={WIDTH - EDGE.right} y1={y(level)} y2={y(level)} />
          <text x={EDGE.left - 6} y={y(level) + 4} textAnchor="end">
            {Math.round(level * 1000) / 1000}
          </text>
        </g>
      ))}
      {times.map((time, place) => (
        <text key={time} x={x(time)} y={HEIGHT - 6} textAnchor={place === 0 ? "start" : place === 5 ? "end" : "middle"}>
          {day(new Date(time))}
        </text>
      ))}
      <polyline points={points.map((point) => `${x(point.at)},${y(point.value)}`).join(" ")} />
      {points.map((point) => (
        <circle key={point.at} className={outside(point.value) ? "outside" : undefined} cx={x(point.at)} cy={y(point.value)} r={points.length > 80 ? 2 : 4}>
          <title>{`${day(new Date(point.at))}: ${shown(point.value)}`}</title>
        </circle>
      ))}
    </svg>
  );
}
