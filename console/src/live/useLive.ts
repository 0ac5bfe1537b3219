// Following events from a component.
import { useEffect, useRef } from "react";
import { follow, type LiveEvent } from "./connection";

export function useLive(follower: (event: LiveEvent) => void): void {
  const latest = useRef(follower);
  useEffect(() => {
    latest.current = follower;
  });
  useEffect(() => follow((event) => latest.current(event)), []);
}
