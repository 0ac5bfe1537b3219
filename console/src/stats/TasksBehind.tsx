// The tasks behind a figure as they stand now: those that met it, those that did not, or all.
import { Link } from "@tanstack/react-router";
import { Alert, Button, Drawer, Empty, Radio, Skeleton, Table } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { dayAndClock } from "@/shown/instants";
import { ProblemNote } from "@/shown/ProblemNote";
import { said } from "@/words";
import { DefinedName } from "./DefinedName";
import type { Definition } from "./figures";

type Task = Shape["CountedTaskAnswer"];

export interface Behind {
  code: string;
  /** What it is narrowed down to, in words. */
  of: string;
  query: { first: string; last: string; department?: string; queue_id?: string; agent_id?: string; plan?: string };
}

const ATTEMPT_INDICATORS = ["connect", "answer_seizure", "right_party", "dialer_abandonment", "handling_time"];

export function TasksBehind({ behind, definition, frozen, close }: { behind: Behind; definition: Definition; frozen: boolean; close: () => void }) {
  const { t } = useTranslation("stats");
  const [which, setWhich] = useState<"met" | "not" | "all">("not");
  const met = which === "all" ? undefined : which === "met";
  const query = $api.useInfiniteQuery(
    "get",
    "/api/v1/indicators/{code}/tasks",
    { params: { path: { code: behind.code }, query: { ...behind.query, met, limit: 50 } } },
    { pageParamName: "after", initialPageParam: null, getNextPageParam: (page: Shape["CountedTasksAnswer"]) => page.next ?? undefined },
  );
  const tasks = query.data?.pages.flatMap((page) => page.tasks) ?? [];
  return (
    <Drawer open onClose={close} size={1000} title={<DefinedName definition={definition} />}>
      <p>{behind.of}</p>
      <Radio.Group
        aria-label={t("which")}
        optionType="button"
        value={which}
        onChange={(event) => setWhich(event.target.value as typeof which)}
        options={(["not", "met", "all"] as const).map((value) => ({ value, label: t(`which_${value}`) }))}
      />
      <p className="stats-quiet">
        {frozen ? t("behind_frozen") : t("behind_now")} {ATTEMPT_INDICATORS.includes(behind.code) && t("behind_calls")}
      </p>
      {query.isPending && <Skeleton active />}
      {query.error != null && !query.data && <ProblemNote problem={query.error} retry={() => void query.refetch()} />}
      {query.data && tasks.length === 0 && <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t("nobody_behind", { name: said(definition.title) })} />}
      {tasks.length > 0 && (
        <Table<Task>
          size="small"
          rowKey="task_id"
          pagination={false}
          dataSource={tasks}
          columns={[
            { title: t("task.window"), className: "stats-fixed", render: (_, task) => dayAndClock(task.latest_at) },
            { title: t("task.state"), className: "stats-fixed", render: (_, task) => (task.outcome ? t(`outcome.${task.outcome}`) : t(`state.${task.state}`)) },
            { title: t("by.department"), render: (_, task) => task.department || t("none.department") },
            { title: t("by.plan"), render: (_, task) => task.plan || t("none.plan") },
            { title: t("by.queue"), dataIndex: "queue" },
            { title: t("by.agent"), render: (_, task) => task.agent || t("none.agent") },
            { title: t("task.dials"), dataIndex: "dials", align: "right" },
            {
              title: t("task.patient"),
              className: "stats-fixed",
              render: (_, task) => (
                <Link to="/patients/$patientId" params={{ patientId: task.patient_id }}>
                  {t("task.record")}
                </Link>
              ),
            },
          ]}
        />
      )}
      {query.hasNextPage && (
        <Button className="stats-more" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
          {t("more")}
        </Button>
      )}
      {query.error != null && query.data && <Alert type="error" showIcon title={t("more_failed")} />}
    </Drawer>
  );
}
