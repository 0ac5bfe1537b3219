// The bar below every page: nothing while nobody is on the line; the call, then its wrap-up. What has to run for as long as the
// console is open (the leading tab, the headset, who is told what) is begun here.
import { lazy, Suspense } from "react";
import { useHasRole } from "@/api/me";
import { saidAloud } from "@/shown/said_aloud";
import { useCall, useCallAtOnce } from "./call";
import { useInboundAtOnce, useOwnCaller } from "./inbound";
import { preFlight } from "./pre_flight";
import { useLine } from "./useLine";
import "./words";
import "./calls.css";

const Line = lazy(() => import("./CallLine"));
const Caller = lazy(() => import("./CallerLine"));
const PreFlight = lazy(() => import("@/headset/PreFlight"));
const RedFlagPopUp = lazy(() => import("./RedFlagPopUp"));
const SecondTab = lazy(() => import("./SecondTab"));

// The first ringing must not wait for a download.
if ("requestIdleCallback" in window) requestIdleCallback(() => void Promise.all([import("./CallLine"), import("./CallerLine")]));

export function CallBar() {
  const agent = useHasRole("agent");
  useLine();
  return (
    <>
      <Aloud />
      <Suspense fallback={null}>
        {agent && <AgentsBar />}
        <Check />
      </Suspense>
    </>
  );
}

function AgentsBar() {
  const { phase } = useCall();
  const caller = useOwnCaller();
  useCallAtOnce();
  useInboundAtOnce();
  return (
    <>
      <SecondTab />
      <RedFlagPopUp />
      {caller && phase === "none" && <Caller caller={caller} />}
      {phase !== "none" && <Line />}
    </>
  );
}

function Check() {
  const open = preFlight((state) => state.open);
  return open ? <PreFlight /> : null;
}

function Aloud() {
  const { politely, atOnce } = saidAloud();
  return (
    <>
      <div className="for-readers" role="status" aria-live="polite">
        {politely}
      </div>
      <div className="for-readers" role="alert" aria-live="assertive">
        {atOnce}
      </div>
    </>
  );
}
