// What is being said, side by side with who says it. A log that a screen reader does not read aloud by itself: she is on the telephone.
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { useLive } from "@/live/useLive";
import { Loaded } from "@/shown/Loaded";
import { span } from "@/shown/instants";
import type { Call } from "./call";

export function Captions({ call }: { call: Call }) {
  const { t } = useTranslation("calls");
  const end = useRef<HTMLLIElement>(null);
  const query = $api.useQuery("get", "/api/v1/calls/{call_id}/captions", { params: { path: { call_id: call.id } } });
  useLive((event) => {
    if (event.kind === "captions_changed" && event.ids["subject"] === call.id) void query.refetch();
  });
  const said = query.data?.captions.length ?? 0;
  useEffect(() => end.current?.scrollIntoView({ block: "nearest" }), [said]);
  return (
    <Loaded query={query}>
      {(told) => (
        <>
          <p className="none">
            {t(`captions.states.${told.state}`)}
            {told.behind > 1 && ` · ${t("captions.behind", { seconds: Math.round(told.behind) })}`}
          </p>
          {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a box that scrolls has to be reached by keys */}
          <div className="log" role="log" aria-live="off" aria-label={t("captions.title")} tabIndex={0}>
            <ol>
            {told.captions.map((caption) => (
              <li key={caption.id} data-side={caption.channel} ref={end}>
                <span className="side">
                  {span(caption.start)} {t(`captions.${caption.channel}`)}
                </span>
                <span lang={told.language === "en" ? "en" : "zh-CN"}>
                  {caption.final ? (
                    caption.written || caption.text
                  ) : (
                    <>
                      {caption.text.slice(0, caption.stable)}
                      <i>{caption.text.slice(caption.stable)}</i>
                    </>
                  )}
                </span>
              </li>
            ))}
            </ol>
          </div>
        </>
      )}
    </Loaded>
  );
}
