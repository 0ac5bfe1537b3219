// A table of which only the rows in sight are made: a real table, so that readers hear its columns and how many rows there are.
import { useLayoutEffect, useRef, useState, type ReactNode } from "react";

const AHEAD = 4;

interface Props<Row> {
  label: string;
  head: ReactNode;
  columns: number;
  rows: readonly Row[];
  rowHeight: number;
  rowKey: (row: Row) => string;
  children: (row: Row, index: number) => ReactNode;
  onBusy?: (busy: boolean) => void;
}

export function WindowedRows<Row>({ label, head, columns, rows, rowHeight, rowKey, children, onBusy }: Props<Row>) {
  const frame = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(400);
  const held = useRef({ pointed: false, focused: false });
  useLayoutEffect(() => {
    const element = frame.current;
    if (!element) return undefined;
    const watch = new ResizeObserver(() => setHeight(element.clientHeight));
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  const first = Math.max(0, Math.min(Math.floor(top / rowHeight) - AHEAD, rows.length - 1));
  const last = Math.min(rows.length, Math.ceil((top + height) / rowHeight) + AHEAD);
  const hold = (change: Partial<typeof held.current>) => {
    Object.assign(held.current, change);
    onBusy?.(held.current.pointed || held.current.focused);
  };
  return (
    <div
      ref={frame}
      className="wall-rows"
      role="region"
      aria-label={label}
      // A region that scrolls has to be reached by the keyboard.
      // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
      tabIndex={0}
      onScroll={(event) => {
        const at = Math.floor(event.currentTarget.scrollTop / rowHeight) * rowHeight;
        if (at !== top) setTop(at);
      }}
      onPointerEnter={() => hold({ pointed: true })}
      onPointerLeave={() => hold({ pointed: false })}
      onFocus={() => hold({ focused: true })}
      onBlur={(event) => hold({ focused: event.currentTarget.contains(event.relatedTarget) })}
    >
      <table className="wall-table" aria-rowcount={rows.length + 1}>
        <thead>
          <tr aria-rowindex={1}>{head}</tr>
        </thead>
        <tbody>
          {first > 0 && <Gap columns={columns} height={first * rowHeight} />}
          {rows.slice(Math.max(0, first), last).map((row, index) => (
            <tr key={rowKey(row)} aria-rowindex={first + index + 2} style={{ height: rowHeight }}>
              {children(row, first + index)}
            </tr>
          ))}
          {last < rows.length && <Gap columns={columns} height={(rows.length - last) * rowHeight} />}
        </tbody>
      </table>
    </div>
  );
}

function Gap({ columns, height }: { columns: number; height: number }) {
  return (
    <tr aria-hidden="true" style={{ height }}>
      <td colSpan={columns} />
    </tr>
  );
}
