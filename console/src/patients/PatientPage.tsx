// The record of one patient: who he is, always in sight, and below it the parts, each loaded when it is first opened.
import { Skeleton, Tabs } from "antd";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Suspense } from "react";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { useMe } from "@/api/me";
import { Problem } from "@/api/problem";
import { ProblemNote } from "@/shown/ProblemNote";
import { Banner } from "./Banner";
import { ClosedDoor } from "./ClosedDoor";
import { PARTS } from "./parts";
import "./patients.css";
import "./words";

export default function PatientPage() {
  const { patientId } = useParams({ strict: false }) as { patientId: string };
  return <Record key={patientId} patientId={patientId} />;
}

function Record({ patientId }: { patientId: string }) {
  const { t } = useTranslation("patients");
  const go = useNavigate();
  const me = useMe();
  const { part: asked } = useSearch({ strict: false }) as { part?: string };
  const record = $api.useQuery("get", "/api/v1/patients/{patient_id}/record", { params: { path: { patient_id: patientId } } });
  if (record.isPending) return <Skeleton active paragraph={{ rows: 8 }} />;
  if (record.data === undefined) {
    if (record.error instanceof Problem && (record.error as Problem).code === "outside_care_team") return <ClosedDoor patientId={patientId} />;
    return (
      <>
        <p>
          <Link to="/patients">← {t("banner.back")}</Link>
        </p>
        <ProblemNote problem={record.error} retry={() => void record.refetch()} />
      </>
    );
  }
  const found = record.data;
  const parts = PARTS.filter(({ roles }) => !roles || roles.some((role) => me.data?.roles.includes(role)));
  const part = parts.find(({ id }) => id === asked) ?? parts[0]!;
  return (
    <article className="record" aria-label={found.patient.name}>
      <Banner record={found} />
      <Tabs
        activeKey={part.id}
        onChange={(key) => void go({ to: "/patients/$patientId", params: { patientId }, search: { part: key } as never, replace: true })}
        items={parts.map(({ id }) => ({ key: id, label: t(`parts.${id}`) }))}
      />
      <div className="record-part">
        <Suspense fallback={<Skeleton active />}>
          <part.show record={found} patientId={patientId} />
        </Suspense>
      </div>
    </article>
  );
}
