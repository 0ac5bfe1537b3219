// What went wrong, as RFC 9457 problem details tell it; every failed request throws one.
import i18next from "i18next";
import type { components } from "./schema";
import "./words";

type Told = components["schemas"]["Problem"];
export type Code = Told["code"] | "no_network" | "not_understood" | "second_tab";

export class Problem extends Error {
  readonly code: Code;
  readonly status: number;
  readonly field: string;
  readonly reason: string;
  readonly errors: { field: string; reason: string }[];
  /** Everything the answer held, for problems with more to tell (who holds the task, for example). */
  readonly told: Record<string, unknown>;

  private constructor(code: Code, status: number, field: string, reason: string, told: Record<string, unknown>) {
    super(reason);
    this.name = "Problem";
    this.code = code;
    this.status = status;
    this.field = field;
    this.reason = reason;
    this.told = told;
    this.errors = Array.isArray(told["errors"]) ? (told["errors"] as { field: string; reason: string }[]) : [];
  }

  static async of(response: Response): Promise<Problem> {
    try {
      const told = (await response.clone().json()) as Told;
      return new Problem(told.code, told.status, told.field, told.reason, told as unknown as Record<string, unknown>);
    } catch {
      return new Problem("not_understood", response.status, "", `HTTP ${response.status}`, {});
    }
  }

  /** This tab only shows: another one of this browser leads. */
  static ofSecondTab(): Problem {
    return new Problem("second_tab", 409, "", "", {});
  }

  static noNetwork(): Problem {
    return new Problem("no_network", 0, "", "", {});
  }
}

/** What to show a person of anything that was thrown: in his language by its code, the server's own words as detail. */
export function inWords(thrown: unknown): { title: string; detail: string } {
  if (!(thrown instanceof Problem)) return { title: i18next.t("api:unexpected"), detail: String(thrown) };
  const key = `api:codes.${thrown.code}`;
  const title = i18next.exists(key) ? i18next.t(key as "api:unexpected") : i18next.t("api:unexpected");
  return { title, detail: thrown.reason };
}
