// The figures of the moment and of the day; each says what it is made of and, when it is pointed at or focused, what it means.
import { Popover } from "antd";
import { memo, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Since } from "@/shown/Since";
import { percent, shown, type Share } from "./shares";
import type { Wall } from "./useWall";
import type zh from "./words.zh";

type Name = keyof typeof zh.definitions;

interface FigureProps {
  name: Name;
  value: ReactNode;
  detail: ReactNode;
  alarm?: boolean;
}

const Name = memo(function Name({ name }: { name: Name }) {
  const { t } = useTranslation("wall");
  const title = t(`figures.${name}`);
  return (
    <Popover content={<p className="wall-definition">{t(`definitions.${name}`)}</p>} trigger={["hover", "focus", "click"]}>
      <button type="button" aria-label={t("figures.definition", { name: title })}>
        {title}
      </button>
    </Popover>
  );
});

function Figure({ name, value, detail, alarm = false }: FigureProps) {
  return (
    <li className={alarm ? "wall-figure alarm" : "wall-figure"}>
      <Name name={name} />
      <strong>
        {alarm && <span aria-hidden="true">▲ </span>}
        {value}
      </strong>
      <span className="wall-detail">{detail}</span>
    </li>
  );
}

export const Figures = memo(function Figures({ figures, calls }: { figures: Wall["figures"]; calls: number }) {
  const { t } = useTranslation("wall");
  const of = (share: Share) => (share.of ? t("share", { count: share.count, of: share.of }) : t("none"));
  const limit = figures.abandonment_limit;
  const abandoned = figures.abandoned.of ? figures.abandoned.count / figures.abandoned.of : 0;
  return (
    <ul className="wall-figures" aria-label={t("figures.title")}>
      <Figure
        name="callers"
        value={figures.callers_waiting}
        alarm={figures.callers_waiting > 0}
        detail={figures.longest_wait_since ? <Waiting since={figures.longest_wait_since} /> : t("figures.nobody")}
      />
      <Figure name="tasks" value={figures.tasks_waiting} detail={t("figures.tasks_detail")} />
      <Figure name="ready" value={figures.agents_ready} detail={t("figures.at_work", { count: figures.agents_at_work })} />
      <Figure name="on_call" value={figures.agents_on_call} detail={t("figures.calls_detail", { count: calls })} />
      <Figure
        name="wrap_up"
        value={figures.agents_in_wrap_up}
        alarm={figures.wrap_ups_over_limit > 0}
        detail={figures.wrap_ups_over_limit ? t("figures.over_limit", { count: figures.wrap_ups_over_limit }) : t("figures.none_over")}
      />
      <Figure name="contact" value={shown(figures.contact) ?? t("none")} detail={of(figures.contact)} />
      <Figure name="answered" value={shown(figures.answered) ?? t("none")} detail={of(figures.answered)} />
      <Figure
        name="abandoned"
        value={shown(figures.abandoned) ?? t("none")}
        alarm={limit !== null && abandoned > limit}
        detail={limit === null ? t("figures.not_ahead") : `${of(figures.abandoned)} · ${t("figures.limit", { limit: percent(limit) })}`}
      />
      <Figure name="gave_up" value={shown(figures.callers_gave_up) ?? t("none")} detail={of(figures.callers_gave_up)} />
    </ul>
  );
});

function Waiting({ since }: { since: string }) {
  const { t } = useTranslation("wall");
  const [before, after] = t("figures.longest", { time: "\u0000" }).split("\u0000");
  return (
    <>
      {before}
      <Since instant={since} />
      {after}
    </>
  );
}
