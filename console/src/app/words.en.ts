import type { Translated } from "@/words";
import type zh from "./words.zh";

const en: Translated<typeof zh> = {
  title: "Follow-up centre",
  language: "中文",
  log_out: "Log out",
  own_password: "Change password",
  menu: "Main menu",
  more_rooms: "More",
  skip: "Skip to content",
  not_found: "There is no such page",
  not_found_help: "The address may have changed.",
  to_start: "Back to the start",
  not_yours: "Your role cannot open this page",
  not_yours_help: "If you need it, ask an administrator for the role.",
  failed: "This page has failed",
  failed_help: "Your call is not affected. Reload this page; if it fails again, tell the administrator.",
  reload: "Reload",
  new_version: "There is a new version: reload after this call",
  loading: "Loading",
  connection: {
    live: "Connected",
    lost: "Connection lost, reconnecting",
    stale: "Data as of {{time}}",
  },
  nav: {
    work: "Workspace",
    patients: "Patients",
    live: "Live",
    exceptions: "Exceptions",
    campaigns: "Campaigns",
    recordings: "Recordings",
    quality: "Quality",
    stats: "Statistics",
    complaints: "Requests",
    admin: "Administration",
    guide: "Guide",
  },
  shortcuts: "Shortcuts",
  help: "Help",
};

export default en;
