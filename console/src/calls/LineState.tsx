// Three dots with words: whether the server is heard, whether the line is up, whether the microphone gives sound. Pressed, they are checked.
import { Button } from "antd";
import { useTranslation } from "react-i18next";
import { useHasRole } from "@/api/me";
import { worn } from "@/headset/worn";
import { link } from "@/live/connection";
import { clockWithSeconds } from "@/shown/instants";
import { useDesk } from "./desk";
import { lineDot, microphoneDot } from "./dots";
import { openPreFlight } from "./pre_flight";
import "./words";

export function LineState() {
  const { t } = useTranslation("calls");
  const talks = useHasRole("agent", "supervisor");
  const { state, heardAt } = link();
  const { state: headset, muted } = worn();
  const desk = useDesk().data;
  const network = state === "live" ? "good" : "bad";
  const line = lineDot(headset, desk);
  const microphone = microphoneDot(headset, muted);
  const since = state !== "live" && heardAt ? t("line.as_of", { time: clockWithSeconds(new Date(heardAt)) }) : "";
  const dots = (
    <>
      {desk && <Dot dot={line.dot} words={t(`line.desk.${line.words}`)} name={t("line.line")} />}
      <Dot dot={network} words={`${t(`line.network.${state}`)}${since && ` · ${since}`}`} name={t("line.name")} shown={state !== "live"} />
      {talks && microphone && <Dot dot={microphone.dot} words={t(`line.microphone.${microphone.words}`)} name={t("line.microphone.name")} />}
    </>
  );
  if (!talks) return <span className="line-state">{dots}</span>;
  return (
    <Button type="text" className="line-state" title={t("line.check")} onClick={openPreFlight}>
      {dots}
    </Button>
  );
}

function Dot({ dot, name, words, shown = false }: { dot: "good" | "warning" | "bad" | "off"; name: string; words: string; shown?: boolean }) {
  return (
    <span className="line-dot" data-dot={dot} title={words}>
      <i className="dot" aria-hidden />
      {shown || dot === "bad" ? words : name}
      {!(shown || dot === "bad") && <span className="for-readers">: {words}</span>}
    </span>
  );
}
