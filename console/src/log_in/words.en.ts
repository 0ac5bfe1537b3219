import type { Translated } from "@/words";
import type zh from "./words.zh";

const en: Translated<typeof zh> = {
  title: "Log in",
  login: "User name",
  password: "Password",
  enter: "Log in",
  elsewhere: "You are logged in elsewhere.",
  take_over: "End that log-in and log in here",
  login_missing: "Enter your user name",
  password_missing: "Enter your password",
  help: "If you forgot the password, ask an administrator to set it anew. Log out when you leave your desk.",
  again: "Your log-in has ended; log in again. Nothing on the page is lost and your call goes on.",
  own: {
    title: "Change your password",
    change: "Change",
    present: "Present password",
    wanted: "New password",
    login_missing: "Enter your user name",
  password_missing: "Enter your password",
  help: "If you forgot the password, ask an administrator to set it anew. Log out when you leave your desk.",
  again: "New password once more",
    differs: "The two differ",
    wrong: "The present password is another one",
    least: "At least {{count}} characters",
    changed: "Your password was changed",
  },
};

export default en;
