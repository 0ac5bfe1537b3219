// The rows of a list as they will be written: repaired numbers, what is wrong in words, and who an undecided person is.
import { Button, Space, Table, Tag } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { day, dayAndClock } from "@/shown/instants";
import { Loaded } from "@/shown/Loaded";
import { said } from "@/words";
import { useTold } from "../house/told";
import "./words";

type Import = Shape["ImportAnswer"];
type Row = Shape["RowAnswer"];

const CHANGES = ["new_person", "known", "new_numbers", "new_visit"] as const;
const ROW_COLOURS: Record<Row["state"], string> = {
  ready: "blue",
  bad: "error",
  undecided: "warning",
  applied: "success",
  undone: "default",
  left: "warning",
};

export function ImportRows({ made, state }: { made: Import; state?: Row["state"] }) {
  const { t } = useTranslation("admin_content");
  const [after, setAfter] = useState<number[]>([0]);
  const rows = $api.useQuery("get", "/api/v1/imports/{import_id}/rows", {
    params: { path: { import_id: made.id }, query: { limit: 50, after: after.at(-1)!, ...(state ? { state } : {}) } },
  });
  return (
    <Loaded query={rows} isEmpty={(found) => found.rows.length === 0} empty={t("imports.no_rows")}>
      {(found) => (
        <>
          <Table<Row>
            size="small"
            rowKey="line"
            dataSource={found.rows}
            pagination={false}
            columns={[
              { title: t("imports.line"), dataIndex: "line", width: 60, align: "right" },
              {
                title: t("imports.row_state"),
                key: "state",
                width: 100,
                render: (_, row) => <Tag color={ROW_COLOURS[row.state]}>{t(`row_states.${row.state}`)}</Tag>,
              },
              { title: t("imports.person"), key: "person", width: 200, render: (_, row) => <Person row={row} /> },
              { title: t("imports.numbers"), key: "numbers", width: 190, render: (_, row) => <Numbers row={row} /> },
              { title: t("imports.visit"), key: "visit", width: 170, render: (_, row) => <Visit row={row} /> },
              { title: t("imports.remarks"), key: "faults", render: (_, row) => <Remarks made={made} row={row} /> },
            ]}
          />
          <div className="admin-row content-pages">
            {after.length > 1 && <Button onClick={() => setAfter(after.slice(0, -1))}>{t("earlier_rows")}</Button>}
            {found.next !== null && <Button onClick={() => setAfter([...after, found.next!])}>{t("later_rows")}</Button>}
          </div>
        </>
      )}
    </Loaded>
  );
}

function Person({ row }: { row: Row }) {
  const person = row.understood;
  if (!person) return "–";
  return (
    <>
      <div className="content-name">{person.name}</div>
      <div className="admin-quiet">
        {[person.record_number, person.born && day(person.born), ...Object.values(person.identifiers)].filter(Boolean).join(" · ")}
      </div>
    </>
  );
}

function Numbers({ row }: { row: Row }) {
  const { t } = useTranslation("admin_content");
  return (
    <ul className="content-lines">
      {row.understood?.numbers.map((each) => (
        <li key={each.number}>
          {each.number} <span className="admin-quiet">{each.label || t(`owners.${each.owner}`)}</span>
        </li>
      ))}
    </ul>
  );
}

function Visit({ row }: { row: Row }) {
  const person = row.understood;
  if (!person) return "–";
  return (
    <>
      {person.department && <div>{person.department}</div>}
      {person.occurred_at && <div className="admin-quiet">{dayAndClock(person.occurred_at)}</div>}
      {person.medicine && (
        <div>
          {person.medicine.name} <span className="admin-quiet">{[person.medicine.dose, person.medicine.schedule].filter(Boolean).join(" ")}</span>
        </div>
      )}
      {person.template && <div className="admin-quiet">{person.template}</div>}
    </>
  );
}

function Remarks({ made, row }: { made: Import; row: Row }) {
  const { t } = useTranslation("admin_content");
  return (
    <>
      {CHANGES.some((name) => row.change[name]) && (
        <div>
          {CHANGES.filter((name) => row.change[name]).map((name) => (
            <Tag key={name}>{t(`changes.${name}`)}</Tag>
          ))}
        </div>
      )}
      <ul className="content-lines">
        {row.faults.map((fault) => (
          <li key={`${fault.column} ${fault.code}`} className={row.state === "bad" ? "content-wrong" : undefined}>
            {fault.column && <b>{fault.column}: </b>}
            {said(fault)}
          </li>
        ))}
        {row.remarks.map((remark) => (
          <li key={`${remark.column} ${remark.code}`} className="admin-quiet">
            {remark.column && <b>{remark.column}: </b>}
            {said(remark)}
          </li>
        ))}
        {row.plan_refusal && (
          <li className="content-wrong">
            {t("imports.plan_refused")} <span lang="en">{row.plan_refusal}</span>
          </li>
        )}
      </ul>
      {row.state === "undecided" && <Decide made={made} row={row} />}
    </>
  );
}

function Decide({ made, row }: { made: Import; row: Row }) {
  const { t } = useTranslation("admin_content");
  const told = useTold();
  const decide = $api.useMutation("put", "/api/v1/imports/{import_id}/rows/{line}/decision", {
    onSuccess: () => told.done(t("imports.decided", { line: row.line }), "/imports"),
    onError: told.failed,
  });
  const say = (decision: string) => decide.mutate({ params: { path: { import_id: made.id, line: row.line } }, body: { decision } });
  const nameOf = (candidate: Row["candidates"][number]) =>
    candidate.choice.startsWith("line:")
      ? t("imports.same_as_line", { line: candidate.choice.slice(5) })
      : t("imports.same_as", { who: [candidate.name, candidate.record_number, candidate.born && day(candidate.born)].filter(Boolean).join(" · ") });
  return (
    <Space wrap role="group" aria-label={t("imports.who", { line: row.line })}>
      {row.candidates.map((candidate) => (
        <Button key={candidate.choice} size="small" disabled={decide.isPending} onClick={() => say(candidate.choice)}>
          {nameOf(candidate)}
        </Button>
      ))}
      <Button size="small" disabled={decide.isPending} onClick={() => say("new")}>
        {t("imports.somebody_new")}
      </Button>
    </Space>
  );
}
