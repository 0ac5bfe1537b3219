// Addresses to pages. A page that its reader's roles do not open says so; one that fails says so and leaves the call alone.
import { createRootRoute, createRoute, createRouter, Navigate } from "@tanstack/react-router";
import { Spin } from "antd";
import { Suspense } from "react";
import { useMe } from "@/api/me";
import { Failed, NotFound, NotYours } from "./dead_ends";
import { PAGES, type Page } from "./pages";
import { Shell } from "./Shell";

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound, errorComponent: Failed });

const start = createRoute({ getParentRoute: () => root, path: "/", component: Start });

function Start() {
  const me = useMe();
  const first = PAGES.find((page) => page.nav && mayOpen(page, me.data?.roles ?? []));
  return <Navigate to={first?.path ?? "/guide"} replace />;
}

export function mayOpen(page: Page, roles: readonly string[]): boolean {
  return page.roles.length === 0 || page.roles.some((role) => roles.includes(role));
}

function Opened({ page }: { page: Page }) {
  const me = useMe();
  if (!mayOpen(page, me.data?.roles ?? [])) return <NotYours />;
  return (
    <Suspense fallback={<Spin />}>
      <page.page />
    </Suspense>
  );
}

const pages = PAGES.map((page) =>
  createRoute({ getParentRoute: () => root, path: page.path, component: () => <Opened page={page} />, errorComponent: Failed }),
);

export const router = createRouter({ routeTree: root.addChildren([start, ...pages]) });
