// What patients ask for and complain of: a board by state, or the same as a list; overdue ones first.
import { App, Button, Checkbox, Empty, Flex, Segmented, Skeleton, Table, Tag } from "antd";
import { Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { day } from "@/shown/instants";
import { ProblemNote } from "@/shown/ProblemNote";
import { said } from "@/words";
import { AddRequest } from "./AddRequest";
import { COLUMNS, type PatientRequest } from "./columns";
import { DueTag } from "./DueTag";
import { MoveMenu } from "./MoveMenu";
import { useRequests, useRequestWords } from "./useRequests";
import "./style.css";
import "./words";

type View = "board" | "list";
const VIEW = "suifang.complaints.view";

export default function ComplaintsPage() {
  const { t } = useTranslation("complaints");
  const { message } = App.useApp();
  const [view, setView] = useState<View>(localStorage.getItem(VIEW) === "list" ? "list" : "board");
  const [state, setState] = useState<"open" | "all">("open");
  const [overdue, setOverdue] = useState(false);
  const [adding, setAdding] = useState(false);
  const query = useRequests({ state, overdue });
  const requests = useMemo(() => query.data?.pages.flatMap((page) => page.requests) ?? [], [query.data]);
  const show = (chosen: View) => {
    localStorage.setItem(VIEW, chosen);
    setView(chosen);
  };
  return (
    <>
      <Flex gap={16} align="center" wrap className="complaints-top">
        <h1>{t("title")}</h1>
        <Segmented<View>
          aria-label={t("view")}
          value={view}
          onChange={show}
          options={[
            { value: "board", label: t("board") },
            { value: "list", label: t("list") },
          ]}
        />
        <Segmented<"open" | "all">
          aria-label={t("scope")}
          value={state}
          onChange={setState}
          options={[
            { value: "open", label: t("open") },
            { value: "all", label: t("all") },
          ]}
        />
        <Checkbox checked={overdue} onChange={(event) => setOverdue(event.target.checked)}>
          {t("only_overdue")}
        </Checkbox>
        <Button type="primary" onClick={() => setAdding(true)} className="complaints-add">
          {t("add")}
        </Button>
      </Flex>
      {query.isPending && <Skeleton active paragraph={{ rows: 6 }} />}
      {query.error && <ProblemNote problem={query.error} retry={() => void query.refetch()} />}
      {query.data && requests.length === 0 && <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t("none")} />}
      {requests.length > 0 && (view === "board" ? <Board requests={requests} withClosed={state === "all"} /> : <List requests={requests} />)}
      {query.hasNextPage && (
        <Button className="complaints-more" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
          {t("more")}
        </Button>
      )}
      {adding && (
        <AddRequest
          onClose={() => setAdding(false)}
          onDone={() => {
            setAdding(false);
            void message.success(t("received"));
          }}
        />
      )}
    </>
  );
}

function Board({ requests, withClosed }: { requests: readonly PatientRequest[]; withClosed: boolean }) {
  const { t } = useTranslation("complaints");
  return (
    <div className="complaints-board">
      {COLUMNS.filter((column) => withClosed || column.key !== "closed").map((column) => {
        const here = requests.filter((request) => (column.states as readonly string[]).includes(request.state));
        return (
          <section key={column.key} aria-label={t(`columns.${column.key}`)}>
            <h2>
              {t(`columns.${column.key}`)} <span>{here.length}</span>
            </h2>
            {here.length === 0 && <p className="complaints-none">{t("none_here")}</p>}
            <ul>
              {here.map((request) => (
                <Card key={request.id} request={request} />
              ))}
            </ul>
          </section>
        );
      })}
    </div>
  );
}

function Card({ request }: { request: PatientRequest }) {
  const { t } = useTranslation("complaints");
  const { cause, kind } = useTitles();
  return (
    <li className="complaints-card">
      <Flex gap={4} wrap>
        <Tag color={request.kind === "complaint" || request.kind === "dispute" ? "volcano" : "blue"}>{kind(request)}</Tag>
        <span>{cause(request)}</span>
        {request.restricted && <Tag>{t("restricted")}</Tag>}
      </Flex>
      <Link to="/complaints/$requestId" params={{ requestId: request.id }} className="complaints-text">
        {request.text}
      </Link>
      <div className="complaints-who">
        {request.patient_name ?? t("no_patient")} · {request.owner}
      </div>
      <Flex gap={4} justify="space-between" align="center">
        <DueTag request={request} />
        <MoveMenu request={request} />
      </Flex>
    </li>
  );
}

function List({ requests }: { requests: PatientRequest[] }) {
  const { t } = useTranslation("complaints");
  const { cause, kind, state } = useTitles();
  return (
    <Table<PatientRequest>
      size="small"
      rowKey="id"
      pagination={false}
      dataSource={requests}
      columns={[
        {
          title: t("text"),
          render: (_, request) => (
            <Link to="/complaints/$requestId" params={{ requestId: request.id }} className="complaints-text">
              {request.text}
            </Link>
          ),
        },
        { title: t("kind"), width: 90, render: (_, request) => kind(request) },
        { title: t("cause"), width: 150, render: (_, request) => cause(request) },
        { title: t("patient"), width: 130, render: (_, request) => request.patient_name ?? t("no_patient") },
        { title: t("owner"), width: 130, dataIndex: "owner" },
        { title: t("state"), width: 120, render: (_, request) => state(request) },
        {
          title: t("due_on"),
          width: 200,
          render: (_, request) => (
            <>
              {day(request.due_on)} <DueTag request={request} />
            </>
          ),
        },
        { title: t("move"), width: 120, render: (_, request) => <MoveMenu request={request} /> },
      ]}
    />
  );
}

/** The hospital's words for what a request is about. */
function useTitles() {
  const words = useRequestWords().data;
  return {
    cause: (request: PatientRequest) => said(words?.causes.find((each) => each.code === request.cause)?.title),
    kind: (request: PatientRequest) => said(words?.kinds[request.kind]),
    state: (request: PatientRequest) => said(words?.states[request.state]),
  };
}
