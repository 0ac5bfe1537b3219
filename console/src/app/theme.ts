// Ant Design's tokens where its own miss the contrast of WCAG 2.2 AA or the size a headset's desk needs.
import type { ThemeConfig } from "antd";

// The text of coloured tags; each stands under both of its names, and the later one of the two wins.
const tagTexts = {
  green7: "#237804",
  "green-7": "#237804",
  gold7: "#874d00",
  "gold-7": "#874d00",
  orange7: "#ad4e00",
  "orange-7": "#ad4e00",
  lime7: "#3f6600",
  "lime-7": "#3f6600",
  cyan7: "#00474f",
  "cyan-7": "#00474f",
  volcano7: "#ad2102",
  "volcano-7": "#ad2102",
};

export const theme: ThemeConfig = {
  token: {
    colorPrimary: "#0958d9",
    colorPrimaryHover: "#003eb3",
    colorPrimaryTextHover: "#003eb3",
    colorError: "#cf1322",
    colorSuccess: "#237804",
    colorWarning: "#ad4e00",
    colorLink: "#0958d9",
    colorTextDescription: "#595959",
    colorTextTertiary: "#595959",
    colorTextPlaceholder: "#6b6b6b",
    colorTextDisabled: "#767676",
    // By themselves they would be mixed from the darkened colours: grey under dark text.
    colorSuccessBg: "#f6ffed",
    colorWarningBg: "#fffbe6",
    colorErrorBg: "#fff2f0",
    ...tagTexts,
    fontSize: 14,
    fontFamily: 'system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "WenQuanYi Zen Hei", sans-serif',
    motion: !matchMedia("(prefers-reduced-motion: reduce)").matches,
  },
};
