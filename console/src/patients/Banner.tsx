// Who this is: name, age, numbers and what must not be overlooked, whatever part of the record is open.
import { AlertOutlined, PhoneOutlined, WarningOutlined } from "@ant-design/icons";
import { Alert, Tag } from "antd";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { EvidencePackButton } from "@/quality/EvidencePackButton";
import { day } from "@/shown/instants";
import { said } from "@/words";
import { word } from "./codes";
import { masked } from "./masked";

export function Banner({ record }: { record: Shape["RecordAnswer"] }) {
  const { t } = useTranslation("patients");
  const { patient, allergies } = record;
  const team = $api.useQuery("get", "/api/v1/patients/{patient_id}/care-team", { params: { path: { patient_id: patient.id } } });
  const active = allergies.filter((one) => one.holds.state === "active");
  return (
    <header className="record-banner">
      <div className="record-who">
        <h1>{patient.name}</h1>
        <span>{[word("sex", patient.sex), record.age === null ? "" : t("banner.age", { count: record.age }), patient.born && day(patient.born)].filter(Boolean).join(" · ")}</span>
        <span>{t("banner.record_number", { number: patient.record_number })}</span>
        {patient.contact_points.map((point) => (
          <span key={point.id} title={t("banner.numbers")}>
            <PhoneOutlined aria-hidden /> {masked(point.number)}
            {(point.owner === "relative" || point.label) && <small> ({point.label || word("number_owner", point.owner)})</small>}
            {point.quality === "wrong" && <Tag color="gold">{word("number_quality", "wrong")}</Tag>}
            {point.do_not_call && <Tag color="error">{t("banner.do_not_call")}</Tag>}
          </span>
        ))}
        <span className="record-ends">
          <EvidencePackButton patientId={patient.id} />
          <Link to="/patients">{t("banner.back")}</Link>
        </span>
      </div>
      <div className="record-marks">
        {patient.deceased_at && <Tag color="error">{t("banner.deceased", { day: day(patient.deceased_at) })}</Tag>}
        <Tag color={active.length ? "error" : "default"} icon={active.length ? <WarningOutlined /> : undefined}>
          {active.length ? t("banner.allergies", { names: active.map((one) => one.holds.name).join(", ") }) : t("banner.no_allergies")}
        </Tag>
        {record.alerts.length > 0 && (
          <Tag color="error" icon={<AlertOutlined />}>
            {t("banner.alerts", { count: record.alerts.length })}
          </Tag>
        )}
        {record.requests.length > 0 && <Tag color="warning">{t("banner.requests", { count: record.requests.length })}</Tag>}
        {patient.language === "en" && <Tag>{t("banner.english")}</Tag>}
        {record.standing
          .filter((item) => item.kind === "tag")
          .map((item) => (
            <Tag key={item.id} color="blue">
              {said(item.title)}
            </Tag>
          ))}
        {record.differing.length > 0 && <Tag color="gold">{t("banner.differing", { fields: record.differing.map((one) => said(one.title)).join(", ") })}</Tag>}
        {patient.synthetic && <Tag>{t("banner.synthetic")}</Tag>}
      </div>
      {team.data?.your_ground === "broken_glass" && <Alert type="warning" banner showIcon title={t("people.your_ground", { ground: word("ground", "broken_glass") })} />}
      {record.merged_into && (
        <Alert
          type="warning"
          showIcon
          title={t("banner.merged")}
          action={
            <Link to="/patients/$patientId" params={{ patientId: record.merged_into }}>
              {t("banner.open_other")}
            </Link>
          }
        />
      )}
    </header>
  );
}
