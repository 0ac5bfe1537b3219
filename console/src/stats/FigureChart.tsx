// One indicator's figures side by side or over time, with their intervals. The charting library comes with this part only.
import { BarChart, CustomChart, LineChart } from "echarts/charts";
import { GridComponent, TooltipComponent } from "echarts/components";
import { init, use as install, type ComposeOption } from "echarts/core";
import type { BarSeriesOption, CustomSeriesOption, LineSeriesOption } from "echarts/charts";
import type { GridComponentOption, TooltipComponentOption } from "echarts/components";
import { CanvasRenderer } from "echarts/renderers";
import { useEffect, useRef } from "react";

install([BarChart, CustomChart, LineChart, GridComponent, TooltipComponent, CanvasRenderer]);

type Option = ComposeOption<BarSeriesOption | CustomSeriesOption | LineSeriesOption | GridComponentOption | TooltipComponentOption>;

export interface Mark {
  name: string;
  value: number | null;
  low: number | null;
  high: number | null;
  small: boolean;
  told: string;
}

interface Props {
  marks: readonly Mark[];
  byTime: boolean;
  percent: boolean;
  summary: string;
}

const STRONG = "#0958d9";
const WEAK = "#91b4ec";
const INK = "#434343";

export default function FigureChart({ marks, byTime, percent, summary }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const shown = byTime ? marks : marks.slice(0, 30);
  const height = byTime ? 260 : Math.max(140, 40 + shown.length * 34);
  useEffect(() => {
    if (!place.current) return undefined;
    const chart = init(place.current);
    chart.setOption(optionOf(shown, byTime, percent));
    const watching = new ResizeObserver(() => chart.resize());
    watching.observe(place.current);
    return () => {
      watching.disconnect();
      chart.dispose();
    };
  }, [shown, byTime, percent]);
  return <div ref={place} className="stats-chart" style={{ height }} role="img" aria-label={summary} />;
}

function optionOf(marks: readonly Mark[], byTime: boolean, percent: boolean): Option {
  const names = { type: "category" as const, data: marks.map((mark) => mark.name), inverse: !byTime, axisLabel: { color: INK, width: 190, overflow: "truncate" as const } };
  const values = { type: "value" as const, min: percent ? 0 : undefined, max: percent ? 100 : undefined, axisLabel: { color: INK, formatter: percent ? "{value} %" : "{value}" } };
  const points = marks.map((mark) => ({ value: mark.value, itemStyle: { color: mark.small ? WEAK : STRONG } }));
  return {
    animation: false,
    grid: { left: 8, right: 24, top: 16, bottom: 8, containLabel: true },
    // As text on the canvas: an HTML tooltip would bring styles that the page's policy refuses.
    tooltip: { trigger: "axis", renderMode: "richText", formatter: (told) => marks[(Array.isArray(told) ? told[0] : told)?.dataIndex ?? 0]?.told ?? "" },
    xAxis: byTime ? names : values,
    yAxis: byTime ? values : names,
    series: [
      byTime
        ? { type: "line", data: points, symbolSize: 8, lineStyle: { color: STRONG }, connectNulls: false }
        : { type: "bar", data: points, barMaxWidth: 18 },
      {
        type: "custom",
        data: marks.flatMap((mark, place) => (mark.low === null || mark.high === null ? [] : [[place, mark.low, mark.high]])),
        encode: byTime ? { x: 0, y: [1, 2] } : { y: 0, x: [1, 2] },
        renderItem: (_, api) => {
          const ends = [1, 2].map((end) => api.coord(byTime ? [api.value(0), api.value(end)] : [api.value(end), api.value(0)]));
          const [from, to] = [ends[0] ?? [0, 0], ends[1] ?? [0, 0]];
          const style = { stroke: INK, lineWidth: 1.5 };
          const across = byTime ? [4, 0] : [0, 4];
          const line = (x1: number, y1: number, x2: number, y2: number) => ({ type: "line" as const, shape: { x1, y1, x2, y2 }, style });
          const [ax, ay] = [across[0] ?? 0, across[1] ?? 0];
          const at = (point: number[]): [number, number] => [point[0] ?? 0, point[1] ?? 0];
          const [[fx, fy], [tx, ty]] = [at(from), at(to)];
          return { type: "group", children: [line(fx, fy, tx, ty), line(fx - ax, fy - ay, fx + ax, fy + ay), line(tx - ax, ty - ay, tx + ax, ty + ay)] };
        },
        z: 10,
      },
    ],
  };
}
