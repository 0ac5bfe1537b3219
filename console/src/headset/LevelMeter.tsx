// How loud what we say or hear is, ten times a second.
import { useEffect, useRef } from "react";
import { headset } from "./worn";

const EVERY_MS = 100;

export function LevelMeter({ which, label }: { which: "in" | "out"; label: string }) {
  const bar = useRef<HTMLMeterElement>(null);
  useEffect(() => {
    const timer = setInterval(() => {
      if (bar.current) bar.current.value = headset.level(which);
    }, EVERY_MS);
    return () => clearInterval(timer);
  }, [which]);
  return <meter ref={bar} className="level" min={0} max={1} low={0.25} aria-label={label} />;
}
