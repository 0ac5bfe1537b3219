// Turns in which something was said: each opens the recording at its second. What is looked for travels in the body of the request.
import { CaretRightOutlined } from "@ant-design/icons";
import { Link } from "@tanstack/react-router";
import { Button, Empty, Skeleton, Tag } from "antd";
import { useEffect, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { dayAndClock, span } from "@/shown/instants";
import { ProblemNote } from "@/shown/ProblemNote";
import { ofTurns, type Filters } from "./filters";

type Hit = Shape["HitAnswer"];
type Page = Shape["SearchAnswer"];

interface Props {
  words: string;
  bySound: boolean;
  filters: Filters;
}

export function SearchHits({ words, bySound, filters }: Props) {
  const { t } = useTranslation("recordings");
  const [pages, setPages] = useState<Page[]>([]);
  const { mutate, isPending, error } = $api.useMutation("post", "/api/v1/searches");
  const asked = JSON.stringify({ text: words, by_sound: bySound, ...ofTurns(filters) });
  useEffect(() => {
    setPages([]);
    mutate({ body: { ...JSON.parse(asked), count: true } }, { onSuccess: (page) => setPages([page]) });
  }, [asked, mutate]);
  const more = () =>
    mutate({ body: { ...JSON.parse(asked), after: pages.at(-1)?.next } }, { onSuccess: (page) => setPages((before) => [...before, page]) });
  if (error && !pages.length) return <ProblemNote problem={error} retry={() => mutate({ body: JSON.parse(asked) }, { onSuccess: (page) => setPages([page]) })} />;
  const count = pages[0]?.count;
  if (!pages.length) return <Skeleton active paragraph={{ rows: 6 }} />;
  const hits = pages.flatMap((page) => page.hits.map((hit) => ({ hit, search: page.search_id })));
  if (!hits.length) return <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={bySound ? t("search.none") : t("search.none_try_sound")} />;
  return (
    <section aria-label={t("search.found")}>
      {count && <output className="list-count">{t(count.more ? "search.at_least" : "search.count", { turns: count.turns, recordings: count.recordings })}</output>}
      <ol className="hits">
        {hits.map(({ hit, search }) => (
          <li key={hit.id} className="hit">
            <Link
              className="hit-open"
              to={`/recordings/${hit.recording_id}`}
              search={{ t: Math.floor(hit.start), hit: hit.id, search } as never}
              state={{ find: firstMarked(hit) } as never}
            >
              <CaretRightOutlined /> {dayAndClock(hit.at)} · {span(hit.start)}
            </Link>
            <Tag>{t(`side.${hit.channel}`)}</Tag>
            <span className="hit-words">
              {hit.snippet.cut_before && "…"}
              {marked(hit)}
              {hit.snippet.cut_behind && "…"}
            </span>
          </li>
        ))}
      </ol>
      {pages.at(-1)?.next && (
        <div className="list-more">
          <Button loading={isPending} onClick={more}>
            {t("list.more")}
          </Button>
        </div>
      )}
    </section>
  );
}

function firstMarked({ snippet }: Hit): string {
  const [mark] = snippet.marks;
  return mark ? snippet.text.slice(mark.start, mark.end) : "";
}

function marked({ snippet }: Hit): ReactNode {
  const pieces: ReactNode[] = [];
  let told = 0;
  for (const mark of snippet.marks) {
    pieces.push(snippet.text.slice(told, mark.start), <mark key={mark.start}>{snippet.text.slice(mark.start, mark.end)}</mark>);
    told = mark.end;
  }
  pieces.push(snippet.text.slice(told));
  return pieces;
}
