// What runs behind the bar as long as the console is open: one tab leads, its headset comes back after a reload, a mute ends with
// its call, leaving in a call is asked about, and what happens on the line is said to those who do not see it.
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { useHasRole } from "@/api/me";
import { handOver, headset, putOn, wasWorn, worn } from "@/headset/worn";
import { sayAtOnce, sayPolitely } from "@/shown/said_aloud";
import { IN_CALL, lookAtCall, useCall } from "./call";
import { useDesk } from "./desk";
import { lead, leading } from "./leader";
import { useUnmutedStart } from "./useMute";

export function useLine(): void {
  const { t } = useTranslation("calls");
  const agent = useHasRole("agent");
  const supervisor = useHasRole("supervisor");
  const leads = leading((state) => state.leads);
  const { call, phase } = useCall();
  const state = useDesk().data?.state;
  const talks = IN_CALL.has(phase);
  useUnmutedStart(talks && call ? call.id : null);

  useEffect(() => (agent || supervisor ? lead() : undefined), [agent, supervisor]);
  useEffect(() => {
    if (leads && wasWorn()) void putOn(); // the page was loaded anew, perhaps in the middle of a call
    return () => {
      if (leads) handOver();
    };
  }, [leads]);

  useEffect(() => {
    if (!talks) return undefined;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", ask);
    return () => window.removeEventListener("beforeunload", ask);
  }, [talks]);

  useEffect(() => {
    // A machine that slept has lost its link without knowing it.
    const wake = () => {
      if (document.visibilityState !== "visible") return;
      headset.hurry();
      void lookAtCall();
    };
    document.addEventListener("visibilitychange", wake);
    document.addEventListener("resume", wake);
    return () => {
      document.removeEventListener("visibilitychange", wake);
      document.removeEventListener("resume", wake);
    };
  }, []);

  const before = useRef(phase);
  useEffect(() => {
    if (before.current === phase) return;
    const spoke = IN_CALL.has(before.current) || before.current === "ending";
    before.current = phase;
    if (phase === "none" && !spoke) return;
    sayPolitely(t(`phases.${phase}`));
  }, [phase, t]);
  useEffect(() => {
    if (state) sayPolitely(t(`states.${state}`));
  }, [state, t]);
  useEffect(
    () =>
      worn.subscribe((now, was) => {
        if (now.muted !== was.muted) sayPolitely(t(now.muted ? "muted_said" : "unmuted_said"));
        if (now.state === "lost" && was.state !== "lost") sayAtOnce(t("line.headset.lost"));
      }),
    [t],
  );
}
