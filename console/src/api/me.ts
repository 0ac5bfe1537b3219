// Who is logged in.
import { $api, type Shape } from "./client";

export type Role = Shape["MeAnswer"]["roles"][number];

export function useMe() {
  return $api.useQuery("get", "/api/v1/me", undefined, { staleTime: Infinity, retry: false });
}

/** Whether the caller has one of the roles. */
export function useHasRole(...roles: Role[]): boolean {
  const me = useMe();
  return me.data?.roles.some((role) => roles.includes(role)) ?? false;
}
