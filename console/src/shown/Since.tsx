// How long something lasts already, counting by itself; the server's instants, the browser's clock corrected by the live stream's.
import { useEffect, useState } from "react";
import { serverNow } from "@/live/server_clock";
import { span } from "./instants";

export function Since({ instant }: { instant: string }) {
  const [now, setNow] = useState(serverNow);
  useEffect(() => {
    const timer = setInterval(() => setNow(serverNow()), 1000);
    return () => clearInterval(timer);
  }, []);
  return <time dateTime={instant}>{span((now - Date.parse(instant)) / 1000)}</time>;
}
