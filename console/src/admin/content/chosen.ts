// Which one of a part's things is open, kept in the address so that it can be linked to and gone back from.
import { useNavigate, useSearch } from "@tanstack/react-router";
import type { Part } from "../parts";

export function useChosen(part: Part["id"]): [string | undefined, (id: string | undefined) => void] {
  const navigate = useNavigate();
  const search: Record<string, unknown> = useSearch({ strict: false });
  const id = search["id"];
  return [
    typeof id === "string" ? id : undefined,
    (chosen) => void navigate({ to: "/admin/$part", params: { part }, search: (chosen ? { id: chosen } : {}) as never }),
  ];
}
