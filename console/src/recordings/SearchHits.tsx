// Turns in which something was said: each opens the recording at its second. What is looked for travels in the body of the request.
import { CaretRightOutlined } from "@ant-design/icons";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Button, Empty, Skeleton } from "antd";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { api, type Shape } from "@/api/client";
import { dayAndClock, span } from "@/shown/instants";
import { ProblemNote } from "@/shown/ProblemNote";
import { ofTurns, type Filters } from "./filters";

type Hit = Shape["HitAnswer"];

interface Props {
  words: string;
  bySound: boolean;
  filters: Filters;
}

export function SearchHits({ words, bySound, filters }: Props) {
  const { t } = useTranslation("recordings");
  const asked = { text: words, by_sound: bySound, ...ofTurns(filters) };
  const pages = useInfiniteQuery({
    // Each search is a line of the log: it is asked once, not again whenever the window is looked at.
    queryKey: ["search", asked],
    staleTime: Infinity,
    gcTime: 60_000,
    refetchOnWindowFocus: false,
    initialPageParam: null as string | null,
    getNextPageParam: (page: Shape["SearchAnswer"]) => page.next,
    queryFn: async ({ pageParam, signal }) => {
      const { data } = await api.POST("/api/v1/searches", { body: { ...asked, after: pageParam, count: pageParam === null }, signal });
      return data!;
    },
  });
  if (pages.isPending) return <Skeleton active paragraph={{ rows: 6 }} />;
  if (!pages.data) return <ProblemNote problem={pages.error} retry={() => void pages.refetch()} />;
  const count = pages.data.pages[0]?.count;
  const hits = pages.data.pages.flatMap((page) => page.hits.map((hit) => ({ hit, search: page.search_id })));
  if (!hits.length) return <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={bySound ? t("search.none") : t("search.none_try_sound")} />;
  return (
    <section aria-label={t("search.found")}>
      {count && <output className="list-count">{t(count.more ? "search.at_least" : "search.count", { turns: count.turns, recordings: count.recordings })}</output>}
      <ol className="hits">
        {hits.map(({ hit, search }) => (
          <li key={hit.id} className="hit">
            <Link
              to={`/recordings/${hit.recording_id}`}
              search={{ t: Math.floor(hit.start * 10) / 10, hit: hit.id, search } as never}
              state={{ find: firstMarked(hit) } as never}
            >
              <CaretRightOutlined aria-hidden /> {dayAndClock(hit.at)} · {span(hit.start)}
            </Link>
            <span className={`turn-side turn-side-${hit.channel}`}>{t(`side.${hit.channel}`)}</span>
            <span className="hit-words">
              {hit.snippet.cut_before && "…"}
              {marked(hit)}
              {hit.snippet.cut_behind && "…"}
            </span>
          </li>
        ))}
      </ol>
      {pages.hasNextPage && (
        <div className="list-more">
          <Button loading={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
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
