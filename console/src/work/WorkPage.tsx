// The agent's page: who is owed a call, who the patient is, what to say and ask; all on one screen, all by keys.
import { lazy, Suspense, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useCall } from "@/calls/call";
import { ProblemNote } from "@/shown/ProblemNote";
import { takeUp } from "./draft";
import { FormColumn } from "./FormColumn";
import { NobodyNotice } from "./NobodyNotice";
import { NotePreview } from "./NotePreview";
import { NothingInHand } from "./NothingInHand";
import { PatientColumn } from "./PatientColumn";
import { QueueColumn } from "./QueueColumn";
import "./words";
import "./work.css";

const Relative = lazy(() => import("./dialogs").then((all) => ({ default: all.RelativeDialog })));
const Glass = lazy(() => import("./dialogs").then((all) => ({ default: all.GlassDialog })));
const Request = lazy(() => import("./dialogs").then((all) => ({ default: all.RequestDialog })));
const Task = lazy(() => import("./TaskDialog").then((all) => ({ default: all.TaskDialog })));

type Open = "relative" | "glass" | "request" | "task" | null;

export default function WorkPage() {
  const { t } = useTranslation("work");
  const { own, attempt, query } = useCall();
  const [open, setOpen] = useState<Open>(null);
  const attemptId = attempt?.id;
  useEffect(() => {
    if (attemptId) void takeUp(attemptId);
  }, [attemptId]);
  const close = () => setOpen(null);
  return (
    <div className="work">
      <h1 className="for-readers">{t("title")}</h1>
      <NobodyNotice />
      {query.error && own === undefined ? <ProblemNote problem={query.error} retry={() => void query.refetch()} /> : null}
      <div className="columns">
        <QueueColumn onAdd={() => setOpen("task")} />
        <div className="middle">
          <NotePreview />
          <PatientColumn own={own} onGlass={() => setOpen("glass")} />
        </div>
        <FormColumn onRelative={() => setOpen("relative")} onRequest={() => setOpen("request")} empty={<NothingInHand onRequest={() => setOpen("request")} />} />
      </div>
      <Suspense fallback={null}>
        {open === "relative" && own?.attempt && <Relative own={own} onClose={close} />}
        {open === "glass" && own?.attempt && <Glass own={own} onClose={close} />}
        {open === "request" && <Request own={own} onClose={close} />}
        {open === "task" && <Task own={own} onClose={close} />}
      </Suspense>
    </div>
  );
}
