// A trend as small as a word: the line, the usual range behind it, the last value marked. The table beside it says it in numbers.
import type { Shape } from "@/api/client";

type Trend = Shape["GlanceTrend"];

const [WIDTH, HEIGHT, EDGE] = [96, 28, 4];

export function Sparkline({ trend, label }: { trend: Trend; label: string }) {
  const values = trend.points.map((point) => point.value);
  if (values.length < 2) return null;
  const low = Math.min(...values, ...(trend.low === null ? [] : [trend.low]));
  const high = Math.max(...values, ...(trend.high === null ? [] : [trend.high]));
  const y = (value: number) => HEIGHT - EDGE - ((value - low) / (high - low || 1)) * (HEIGHT - 2 * EDGE);
  const x = (place: number) => EDGE + (place / (values.length - 1)) * (WIDTH - 2 * EDGE);
  const band = trend.low !== null && trend.high !== null ? { top: y(trend.high), bottom: y(trend.low) } : null;
  return (
    <svg className="sparkline" width={WIDTH} height={HEIGHT} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
      {band && <rect x={0} y={band.top} width={WIDTH} height={Math.max(1, band.bottom - band.top)} className="usual" />}
      <polyline points={values.map((value, place) => `${x(place)},${y(value)}`).join(" ")} />
      <circle cx={x(values.length - 1)} cy={y(values.at(-1)!)} r={2.5} className={trend.points.at(-1)!.mark === "normal" ? "" : "outside"} />
    </svg>
  );
}
