// Whether the microphone gives any sound: said once it did, or when it did not for five seconds.
import { useEffect, useState } from "react";
import { heardEnough, SILENT_MS } from "./silence";
import { headset } from "./worn";

export type Silence = "listening" | "sounds" | "silent";

export function useSilence(on: boolean): Silence {
  const [state, setState] = useState<Silence>("listening");
  useEffect(() => {
    setState("listening");
    if (!on) return undefined;
    let loud = 0;
    const began = performance.now();
    const timer = setInterval(() => {
      loud = heardEnough(loud, headset.level("in"));
      if (loud < 0) setState("sounds");
      else if (performance.now() - began > SILENT_MS) setState((before) => (before === "sounds" ? before : "silent"));
    }, 100);
    return () => clearInterval(timer);
  }, [on]);
  return state;
}
