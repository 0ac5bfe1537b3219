// The rooms of the console that its reader may enter; those for which the bar has no room stand behind "More".
import { DownOutlined } from "@ant-design/icons";
import { Link, useLocation, useNavigate } from "@tanstack/react-router";
import { Button, Dropdown } from "antd";
import { useLayoutEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Page } from "./pages";

export function Rooms({ pages }: { pages: readonly Page[] }) {
  const { t, i18n } = useTranslation("app");
  const go = useNavigate();
  const { pathname } = useLocation();
  const room = "/" + (pathname.split("/")[1] ?? "");
  const bar = useRef<HTMLElement>(null);
  const [fitting, setFitting] = useState(pages.length);
  useLayoutEffect(() => {
    const measured = bar.current;
    if (!measured) return undefined;
    // The links wrap; the second row is out of sight, and is what the menu shows instead.
    const measure = () => {
      const links = [...measured.querySelectorAll("a")];
      setFitting(links.filter((link) => link.offsetTop === links[0]?.offsetTop).length);
    };
    const watch = new ResizeObserver(measure);
    watch.observe(measured);
    measure();
    return () => watch.disconnect();
  }, [pages.length, i18n.language]);
  const behind = pages.slice(fitting);
  return (
    <>
      <nav ref={bar} aria-label={t("menu")}>
        {pages.map((page, place) => (
          <Link
            key={page.path}
            to={page.path}
            aria-current={room === page.path ? "page" : undefined}
            aria-hidden={place >= fitting || undefined}
            tabIndex={place >= fitting ? -1 : undefined}
          >
            {t(`nav.${page.nav!}`)}
          </Link>
        ))}
      </nav>
      {behind.length > 0 && (
        <Dropdown
          autoFocus
          trigger={["click"]}
          menu={{
            selectedKeys: [room],
            items: behind.map((page) => ({ key: page.path, label: t(`nav.${page.nav!}`) })),
            onClick: ({ key }) => void go({ to: key }),
          }}
        >
          <Button type="text" icon={<DownOutlined aria-hidden />} iconPlacement="end">
            {behind.some((page) => page.path === room) ? t(`nav.${behind.find((page) => page.path === room)!.nav!}`) : t("more_rooms")}
          </Button>
        </Dropdown>
      )}
    </>
  );
}
