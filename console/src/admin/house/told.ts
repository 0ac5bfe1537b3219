// What came of a command, said as a toast; and what it made stale, fetched anew.
import { App } from "antd";
import { queries } from "@/api/client";
import { inWords } from "@/api/problem";

export function useTold() {
  const { message } = App.useApp();
  return {
    done: (words: string, ...stale: string[]) => {
      void message.success(words);
      for (const path of stale) {
        void queries.invalidateQueries({ predicate: ({ queryKey }) => String(queryKey[1]).startsWith(`/api/v1${path}`) });
      }
    },
    failed: (problem: unknown) => {
      const { title, detail } = inWords(problem);
      void message.error([title, detail].filter(Boolean).join(": "), 6);
    },
  };
}
