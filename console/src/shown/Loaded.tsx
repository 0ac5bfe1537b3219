// What a query has: a skeleton while it comes, the problem with a way to try again, an empty state in words, or what it brought.
import { Empty, Skeleton } from "antd";
import type { ReactNode } from "react";
import type { UseQueryResult } from "@tanstack/react-query";
import { ProblemNote } from "./ProblemNote";

interface Props<T> {
  query: UseQueryResult<T, unknown>;
  isEmpty?: (data: T) => boolean;
  empty?: ReactNode;
  children: (data: T) => ReactNode;
}

export function Loaded<T>({ query, isEmpty, empty, children }: Props<T>) {
  if (query.isPending) return <Skeleton active paragraph={{ rows: 3 }} />;
  if (query.data === undefined) return <ProblemNote problem={query.error} retry={() => void query.refetch()} />;
  if (isEmpty?.(query.data)) return <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={empty} />;
  return <>{children(query.data)}</>;
}
