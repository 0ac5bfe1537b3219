// A caller who waits for this agent: a soft ring in her loudspeaker, the tab's title, and a notice of the desktop if the tab is behind.
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { headset } from "@/headset/worn";
import { leading } from "./leader";

const EVERY_MS = 3000;
const RING_HERTZ = 440;

export function useRinging(rings: boolean): void {
  const { t } = useTranslation("calls");
  const leads = leading((state) => state.leads);
  const words = t("inbound.offered");
  useEffect(() => {
    if (!rings || !leads) return undefined;
    const before = document.title;
    const notice =
      document.hidden && "Notification" in window && Notification.permission === "granted" ? new Notification(words, { tag: "suifang" }) : null;
    let shown = false;
    const beat = () => {
      shown = !shown;
      document.title = shown ? `● ${words}` : before;
      if (shown) void headset.tone(RING_HERTZ, 0.8).catch(() => undefined); // a page that nobody has touched may not play
    };
    beat();
    const timer = setInterval(beat, EVERY_MS / 2);
    return () => {
      clearInterval(timer);
      document.title = before;
      notice?.close();
    };
  }, [rings, leads, words]);
}
