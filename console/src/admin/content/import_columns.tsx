// What each column of a list is read for; guessed from its header, said otherwise here, and remembered for the source.
import { Button, Select, Table } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { ProblemNote } from "@/shown/ProblemNote";
import { useTold } from "../house/told";
import "./words";

type Import = Shape["ImportAnswer"];

export function ImportColumns({ made }: { made: Import }) {
  const { t } = useTranslation("admin_content");
  const told = useTold();
  const [said, setSaid] = useState<Record<string, string>>({});
  const map = $api.useMutation("put", "/api/v1/imports/{import_id}/mapping", {
    onSuccess: (mapped) => {
      setSaid({});
      told.done(t("imports.mapped", { ready: mapped.counts["ready"] ?? 0, bad: mapped.counts["bad"] ?? 0 }), "/imports");
    },
  });
  const meant = (column: Import["columns"][number]) => said[column.header] ?? column.field;
  const fixed = made.state !== "read" && made.state !== "checked";
  const save = () => {
    const mapping = Object.fromEntries(made.columns.map((column) => [column.header, meant(column)]).filter(([, field]) => field));
    map.mutate({ params: { path: { import_id: made.id } }, body: { mapping } });
  };
  return (
    <>
      <p className="admin-quiet">{t(fixed ? "imports.columns_fixed" : "imports.columns_help")}</p>
      <Table
        size="small"
        rowKey="header"
        dataSource={made.columns}
        pagination={false}
        columns={[
          { title: t("imports.header"), dataIndex: "header" },
          {
            title: t("imports.read_for"),
            key: "field",
            width: 360,
            render: (_, column) =>
              fixed ? (
                column.field ? t(`fields.${column.field as "name"}`) : t("imports.not_read")
              ) : (
                <Select
                  aria-label={t("imports.read_for_of", { header: column.header })}
                  showSearch={{ optionFilterProp: "label" }}
                  className="content-full"
                  value={meant(column)}
                  onChange={(field) => setSaid({ ...said, [column.header]: field })}
                  options={[
                    { value: "", label: t("imports.not_read") },
                    ...made.fields.map((field) => ({ value: field, label: t(`fields.${field as "name"}`) })),
                  ]}
                />
              ),
          },
        ]}
      />
      {map.isError && <ProblemNote problem={map.error} />}
      {!fixed && (
        <Button type="primary" className="content-told" loading={map.isPending} disabled={Object.keys(said).length === 0} onClick={save}>
          {t("imports.map")}
        </Button>
      )}
    </>
  );
}
