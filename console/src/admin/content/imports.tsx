// Lists of patients: a file is sent in and looked at; nothing is written before somebody applies it, and it can be taken back.
import { useMutation } from "@tanstack/react-query";
import { Alert, Button, Input, Progress, Select, Table, Tag } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, api, type Shape } from "@/api/client";
import { dayAndClock } from "@/shown/instants";
import { Loaded } from "@/shown/Loaded";
import { ProblemNote } from "@/shown/ProblemNote";
import { said } from "@/words";
import { useTold } from "../house/told";
import { useChosen } from "./chosen";
import { ImportOpen } from "./import_open";
import "./content.css";
import "./words";

type Import = Shape["ImportAnswer"];
type Kind = Shape["ListKind"];

const KINDS: readonly Kind[] = ["discharge", "appointment", "numbers", "exam", "medicine"];
const MOST_BYTES = 32 * 1024 * 1024;

export const STATE_COLOURS: Record<Import["state"], string> = {
  read: "warning",
  checked: "blue",
  applying: "processing",
  applied: "success",
  undoing: "processing",
  undone: "default",
};

export default function Imports() {
  const [open, choose] = useChosen("imports");
  return open ? <ImportOpen id={open} back={() => choose(undefined)} /> : <ImportList choose={choose} />;
}

function ImportList({ choose }: { choose: (id: string) => void }) {
  const { t } = useTranslation("admin_content");
  const [before, setBefore] = useState<string[]>([]);
  const last = before.at(-1);
  const imports = $api.useQuery("get", "/api/v1/imports", { params: { query: { limit: 20, ...(last ? { before: last } : {}) } } });
  return (
    <>
      <SendList choose={choose} />
      <h2>{t("imports.history")}</h2>
      <Loaded query={imports} isEmpty={(found) => found.imports.length === 0 && before.length === 0} empty={t("imports.none")}>
        {(found) => (
          <>
            <Table<Import>
              size="small"
              rowKey="id"
              dataSource={found.imports}
              pagination={false}
              columns={[
                {
                  title: t("imports.file"),
                  key: "file",
                  render: (_, made) => (
                    <Button type="link" className="content-link" onClick={() => choose(made.id)}>
                      {made.file_name || t("imports.by_system")}
                    </Button>
                  ),
                },
                { title: t("imports.kind"), key: "kind", width: 150, render: (_, made) => t(`kinds.${made.kind}`) },
                { title: t("imports.source"), key: "source", render: (_, made) => made.source || "–" },
                { title: t("imports.sent"), key: "at", width: 160, render: (_, made) => dayAndClock(made.created_at) },
                { title: t("imports.rows"), dataIndex: "total", width: 80, align: "right" },
                { title: t("row_states.bad"), key: "bad", width: 90, align: "right", render: (_, made) => made.counts["bad"] ?? 0 },
                {
                  title: t("imports.state"),
                  key: "state",
                  width: 200,
                  render: (_, made) => (
                    <>
                      <Tag color={STATE_COLOURS[made.state]}>{t(`import_states.${made.state}`)}</Tag>
                      {(made.state === "applying" || made.state === "undoing") && (
                        <Progress size="small" percent={made.percent} aria-label={t("imports.progress", { file: made.file_name })} />
                      )}
                    </>
                  ),
                },
              ]}
            />
            <div className="admin-row content-pages">
              {before.length > 0 && <Button onClick={() => setBefore(before.slice(0, -1))}>{t("newer")}</Button>}
              {found.next && <Button onClick={() => setBefore([...before, found.next!])}>{t("older")}</Button>}
            </div>
          </>
        )}
      </Loaded>
    </>
  );
}

function SendList({ choose }: { choose: (id: string) => void }) {
  const { t } = useTranslation("admin_content");
  const told = useTold();
  const templates = $api.useQuery("get", "/api/v1/plan-templates");
  const [kind, setKind] = useState<Kind>("discharge");
  const [source, setSource] = useState("");
  const [template, setTemplate] = useState<string>();
  const [areaCode, setAreaCode] = useState("");
  const [file, setFile] = useState<File>();
  const plans = kind === "discharge" || kind === "appointment";
  // One key for one choice of file and fields: sent again after a lost answer, it is the same list.
  const [key, setKey] = useState(() => crypto.randomUUID());
  const changed = () => setKey(crypto.randomUUID());
  const send = useMutation({
    mutationFn: async (chosen: File) => {
      const { data } = await api.POST("/api/v1/imports", {
        params: {
          query: { kind, source, file_name: chosen.name.slice(-200), area_code: areaCode, ...(plans && template ? { template } : {}) },
          header: { "Idempotency-Key": key },
        },
        body: chosen,
        bodySerializer: (body) => body as Blob,
        headers: { "Content-Type": "application/octet-stream" },
      });
      return data!;
    },
    onSuccess: (made) => {
      told.done(t("imports.looked_at", { count: made.total }), "/imports");
      choose(made.id);
    },
  });
  const tooLarge = file !== undefined && file.size > MOST_BYTES;
  return (
    <form
      className="content-send"
      onSubmit={(event) => {
        event.preventDefault();
        if (file && !tooLarge) send.mutate(file);
      }}
    >
      <p className="admin-quiet">{t("imports.help")}</p>
      <div className="admin-row">
        <label htmlFor="list-kind">{t("imports.kind")}</label>
        <Select<Kind>
          id="list-kind"
          className="content-select"
          value={kind}
          onChange={(chosen) => {
            setKind(chosen);
            changed();
          }}
          options={KINDS.map((one) => ({ value: one, label: t(`kinds.${one}`) }))}
        />
        <label htmlFor="list-source">{t("imports.source")}</label>
        <Input
          id="list-source"
          className="content-short"
          maxLength={100}
          value={source}
          placeholder={t("imports.source_for")}
          onChange={(event) => {
            setSource(event.target.value);
            changed();
          }}
        />
        <label htmlFor="list-area">{t("imports.area_code")}</label>
        <Input
          id="list-area"
          className="content-code"
          maxLength={4}
          value={areaCode}
          placeholder="010"
          onChange={(event) => {
            setAreaCode(event.target.value);
            changed();
          }}
        />
        {plans && (
          <>
            <label htmlFor="list-template">{t("imports.template")}</label>
            <Select
              id="list-template"
              allowClear
              showSearch={{ optionFilterProp: "label" }}
              className="content-wide"
              value={template}
              placeholder={t("imports.no_template")}
              onChange={(chosen: string | undefined) => {
                setTemplate(chosen);
                changed();
              }}
              options={(templates.data?.templates ?? []).map((one) => ({ value: one.id, label: `${one.id} ${said(one.name)}` }))}
            />
          </>
        )}
      </div>
      <div className="admin-row">
        <label htmlFor="list-file">{t("imports.choose")}</label>
        <input
          id="list-file"
          type="file"
          accept=".csv,.txt,.xls,.xlsx"
          onChange={(event) => {
            setFile(event.target.files?.[0]);
            changed();
            send.reset();
          }}
        />
        <Button type="primary" htmlType="submit" disabled={!file || tooLarge} loading={send.isPending}>
          {t("imports.look")}
        </Button>
      </div>
      {tooLarge && <Alert type="error" showIcon title={t("imports.too_large")} />}
      {send.isError && <ProblemNote problem={send.error} />}
    </form>
  );
}
