// Codes of the hospital's systems that nobody has given a meaning yet: said once, what waited of them goes into the records.
import { Button, Input, Modal, Select, Table, Tag } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { dayAndClock } from "@/shown/instants";
import { Loaded } from "@/shown/Loaded";
import { ProblemNote } from "@/shown/ProblemNote";
import { language } from "@/words";
import { useTold } from "../house/told";
import "./words";

type Code = Shape["UnmappedCodeAnswer"];
type Mapping = Shape["MappingAnswer"];

const AT_ONCE = 50;
const NOTHING = "nothing";

export function UnmappedCodes() {
  const { t } = useTranslation("admin_content");
  const [offset, setOffset] = useState(0);
  const [open, setOpen] = useState<Code>();
  const codes = $api.useQuery("get", "/api/v1/unmapped-results", { params: { query: { limit: AT_ONCE, offset } } });
  return (
    <>
      <Loaded query={codes} isEmpty={(found) => found.codes.length === 0 && offset === 0} empty={t("codes.none")}>
        {(found) => (
          <>
            <p className="admin-quiet">{t("codes.about", { count: found.waiting })}</p>
            <Table<Code>
              size="small"
              rowKey={(row) => `${row.source} ${row.code}`}
              dataSource={found.codes}
              pagination={false}
              columns={[
                { title: t("codes.source"), dataIndex: "source", width: 130 },
                { title: t("codes.code"), key: "code", render: (_, row) => <span className="admin-mono">{row.code || "–"}</span> },
                { title: t("codes.sent_as"), key: "name", render: (_, row) => row.sent_name || "–" },
                { title: t("codes.example"), key: "value", render: (_, row) => [row.sent_value, row.sent_unit].filter(Boolean).join(" ") || "–" },
                { title: t("codes.waiting"), dataIndex: "waiting", width: 80, align: "right" },
                { title: t("codes.reasons"), key: "reasons", render: (_, row) => row.reasons.map((one) => <Tag key={one}>{t(`park_reasons.${one}`)}</Tag>) },
                { title: t("codes.since"), key: "since", width: 150, render: (_, row) => dayAndClock(row.since) },
                {
                  title: t("codes.what"),
                  key: "map",
                  width: 100,
                  render: (_, row) => (
                    <Button size="small" onClick={() => setOpen(row)} aria-label={t("codes.map_of", { code: row.code })}>
                      {t("codes.map")}
                    </Button>
                  ),
                },
              ]}
            />
            <div className="admin-row content-pages">
              {offset > 0 && <Button onClick={() => setOffset(offset - AT_ONCE)}>{t("earlier_rows")}</Button>}
              {found.codes.length === AT_ONCE && <Button onClick={() => setOffset(offset + AT_ONCE)}>{t("later_rows")}</Button>}
            </div>
          </>
        )}
      </Loaded>
      <Mappings />
      {open && <MapDialog row={open} close={() => setOpen(undefined)} />}
    </>
  );
}

function useConceptNames() {
  const concepts = $api.useQuery("get", "/api/v1/concepts", {}, { staleTime: Infinity });
  const name = (one: Shape["ConceptAnswer"]) => (language() === "en" ? one.name_en : one.name_zh);
  return { concepts, name };
}

function MapDialog({ row, close }: { row: Code; close: () => void }) {
  const { t } = useTranslation("admin_content");
  const told = useTold();
  const { concepts, name } = useConceptNames();
  const [concept, setConcept] = useState<string>();
  const [unit, setUnit] = useState("");
  const [reason, setReason] = useState("");
  const map = $api.useMutation("post", "/api/v1/code-mappings", {
    onSuccess: (made) => {
      told.done(t("codes.mapped", { count: made.waiting }), "/unmapped-results", "/code-mappings");
      close();
    },
  });
  return (
    <Modal
      open
      title={t("codes.map_of", { code: row.code })}
      okText={t("codes.map")}
      cancelText={t("not_now")}
      okButtonProps={{ disabled: !concept || reason.trim().length < 3, loading: map.isPending }}
      onOk={() =>
        map.mutate({
          body: { source: row.source, code: row.code, concept: concept === NOTHING ? "" : concept!, unit: concept === NOTHING ? "" : unit.trim(), reason: reason.trim() },
        })
      }
      onCancel={close}
    >
      <p>{t("codes.asked", { source: row.source, name: row.sent_name || row.code, value: [row.sent_value, row.sent_unit].filter(Boolean).join(" ") || "–", reference: row.sent_reference || "–" })}</p>
      <div className="content-fields">
        <label htmlFor="map-concept">{t("codes.means")}</label>
        <Select
          id="map-concept"
          loading={concepts.isPending}
          showSearch={{ optionFilterProp: "label" }}
          className="content-full"
          value={concept}
          onChange={setConcept}
          options={[
            { value: NOTHING, label: t("codes.nothing_kept") },
            ...(concepts.data?.concepts ?? []).map((one) => ({ value: one.code, label: `${name(one)} (${one.code}${one.unit ? `, ${one.unit}` : ""})` })),
          ]}
        />
        <label htmlFor="map-unit">{t("codes.unit")}</label>
        <Input id="map-unit" maxLength={60} value={unit} disabled={concept === NOTHING} placeholder={row.sent_unit} onChange={(event) => setUnit(event.target.value)} />
        <label htmlFor="map-reason">{t("codes.reason")}</label>
        <Input id="map-reason" maxLength={200} value={reason} onChange={(event) => setReason(event.target.value)} />
      </div>
      {map.isError && <ProblemNote problem={map.error} />}
    </Modal>
  );
}

function Mappings() {
  const { t } = useTranslation("admin_content");
  const { concepts, name } = useConceptNames();
  const mappings = $api.useQuery("get", "/api/v1/code-mappings", { params: { query: { limit: 100 } } });
  const names = new Map((concepts.data?.concepts ?? []).map((one) => [one.code, name(one)]));
  return (
    <>
      <h2>{t("codes.decided")}</h2>
      <Loaded query={mappings} isEmpty={(found) => found.mappings.length === 0} empty={t("codes.none_decided")}>
        {(found) => (
          <Table<Mapping>
            size="small"
            rowKey="position"
            dataSource={found.mappings}
            pagination={found.mappings.length > 20 ? { pageSize: 20, showSizeChanger: false } : false}
            columns={[
              { title: t("codes.source"), dataIndex: "source" },
              { title: t("codes.code"), key: "code", render: (_, row) => <span className="admin-mono">{row.code}</span> },
              {
                title: t("codes.means"),
                key: "concept",
                render: (_, row) => (row.concept === "" ? t("codes.nothing_kept") : row.concept.split("/").map((one) => names.get(one) ?? one).join(" / ")),
              },
              { title: t("codes.unit"), key: "unit", render: (_, row) => row.unit || "–" },
              { title: t("codes.reason"), dataIndex: "reason" },
              { title: t("codes.at"), key: "at", width: 150, render: (_, row) => dayAndClock(row.decided_at) },
            ]}
          />
        )}
      </Loaded>
    </>
  );
}
