// Find a patient by whatever is known of him. What is typed goes in the body of the request and stands in no address.
import { Button, Empty, Input, Select, Table, Tag, type InputRef } from "antd";
import { LockOutlined } from "@ant-design/icons";
import { Link } from "@tanstack/react-router";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, api, type Shape } from "@/api/client";
import { useHasRole } from "@/api/me";
import { useCommand } from "@/keyboard/useCommand";
import { day } from "@/shown/instants";
import { ProblemNote } from "@/shown/ProblemNote";
import { word } from "./codes";
import { masked } from "./masked";
import "./patients.css";
import "./words";

type Patient = Shape["PatientAnswer"];

const PAGE = 50;
const TYPING_MS = 300;

export default function PatientsPage() {
  const { t } = useTranslation("patients");
  const opens = useHasRole("agent", "supervisor", "doctor");
  const [typed, setTyped] = useState("");
  const [wanted, setWanted] = useState("");
  const [department, setDepartment] = useState<string | null>(null);
  const composing = useRef(false);
  const field = useRef<InputRef>(null);
  useCommand("search", () => field.current?.focus());
  useEffect(() => {
    if (composing.current) return undefined;
    const timer = setTimeout(() => setWanted(typed.trim()), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  const departments = $api.useQuery("get", "/api/v1/duty/departments", {}, { enabled: opens, staleTime: 600_000 });
  const found = useInfiniteQuery({
    queryKey: ["post", "/api/v1/patients/search", wanted, department],
    enabled: wanted !== "" || department !== null,
    initialPageParam: null as string | null,
    queryFn: async ({ pageParam, signal }) =>
      (await api.POST("/api/v1/patients/search", { body: { containing: wanted || null, department, after: pageParam, limit: PAGE }, signal })).data!,
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
    gcTime: 60_000,
  });
  const patients = found.data?.pages.flatMap((page) => page.patients) ?? [];
  const asked = wanted !== "" || department !== null;
  return (
    <div className="patients">
      <h1>{t("title")}</h1>
      <div className="patients-search" role="search">
        <Input.Search
          ref={field}
          autoFocus
          allowClear
          size="large"
          enterButton={t("search.go")}
          aria-label={t("search.field")}
          placeholder={t("search.placeholder")}
          maxLength={100}
          value={typed}
          onCompositionStart={() => (composing.current = true)}
          onCompositionEnd={(event) => {
            composing.current = false;
            setTyped(event.currentTarget.value);
          }}
          onChange={(event) => setTyped(event.target.value)}
          onSearch={(words) => setWanted(words.trim())}
        />
        <Select
          size="large"
          allowClear
          showSearch={{ optionFilterProp: "label" }}
          aria-label={t("search.department")}
          placeholder={t("search.department_any")}
          value={department}
          onChange={(chosen: string | undefined) => setDepartment(chosen ?? null)}
          options={(departments.data?.departments ?? []).map((name) => ({ value: name, label: name }))}
        />
      </div>
      {!asked && (
        <Empty
          image={Empty.PRESENTED_IMAGE_SIMPLE}
          description={
            <>
              {t("search.begin")}
              <br />
              <span className="quiet">{t("search.begin_help")}</span>
            </>
          }
        />
      )}
      {asked && found.error && <ProblemNote problem={found.error} retry={() => void found.refetch()} />}
      {asked && !found.error && (
        <>
          <p className="quiet" role="status">
            {found.isSuccess && patients.length > 0 && t(found.hasNextPage ? "search.found_more" : "search.found_one", { count: patients.length })}
          </p>
          <Table<Patient>
            size="middle"
            rowKey="id"
            loading={found.isPending}
            dataSource={patients}
            pagination={false}
            locale={{
              emptyText: found.isSuccess ? (
                <Empty
                  image={Empty.PRESENTED_IMAGE_SIMPLE}
                  description={
                    <>
                      {t("search.none")}
                      <br />
                      <span className="quiet">{t("search.none_help")}</span>
                    </>
                  }
                />
              ) : (
                <span />
              ),
            }}
            columns={[
              { title: t("search.name"), key: "name", render: (_, one) => <Name patient={one} opens={opens} /> },
              { title: t("search.record_number"), dataIndex: "record_number" },
              { title: t("search.sex"), key: "sex", render: (_, one) => word("sex", one.sex) },
              { title: t("search.born"), key: "born", render: (_, one) => one.born && day(one.born) },
              { title: t("search.number"), key: "number", render: (_, one) => one.contact_points.map((point) => masked(point.number)).slice(0, 2).join("  ") },
              {
                key: "state",
                title: <span className="for-readers">{t("medicines.state")}</span>,
                render: (_, one) => (
                  <>
                    {one.deceased_at && <Tag>{t("search.deceased")}</Tag>}
                    {one.masked && (
                      <Tag icon={<LockOutlined />} color="gold">
                        {t("search.masked")}
                      </Tag>
                    )}
                  </>
                ),
              },
            ]}
          />
          {found.hasNextPage && (
            <Button className="patients-more" loading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
              {t("search.more")}
            </Button>
          )}
        </>
      )}
    </div>
  );
}

function Name({ patient, opens }: { patient: Patient; opens: boolean }) {
  if (!opens) return <strong>{patient.name}</strong>;
  return (
    <Link to="/patients/$patientId" params={{ patientId: patient.id }} className="patients-name">
      {patient.name}
    </Link>
  );
}
