// What can be done about a line, and what is said of it afterwards.
import { App, Button } from "antd";
import { useTranslation } from "react-i18next";
import { $api, api } from "@/api/client";
import { inWords } from "@/api/problem";
import type { Exception } from "./shown";

export function useActs(again: () => void) {
  const { t } = useTranslation("exceptions");
  const { message } = App.useApp();
  const failed = (problem: unknown) => {
    const { title, detail } = inWords(problem);
    void message.error([title, detail].filter(Boolean).join(": "));
    again();
  };
  const release = $api.useMutation("post", "/api/v1/exceptions/{kind}/{subject}/release", { onSuccess: again, onError: failed });
  const take = $api.useMutation("post", "/api/v1/exceptions/{kind}/{subject}/take", { onError: failed });
  const acknowledge = $api.useMutation("post", "/api/v1/alerts/{alert_id}/acknowledge", {
    onSuccess: () => {
      void message.success(t("act.acknowledged"));
      again();
    },
    onError: failed,
  });
  const of = (line: Exception) => ({ params: { path: { kind: line.kind, subject: line.subject } } });
  return {
    busy: take.isPending || release.isPending || acknowledge.isPending,
    take: (line: Exception) =>
      take.mutate(of(line), {
        onSuccess: () => {
          const key = `${line.kind}:${line.subject}`;
          void message.success({
            key,
            duration: 5,
            content: (
              <>
                {t("taken")}{" "}
                <Button
                  type="link"
                  size="small"
                  onClick={() => {
                    message.destroy(key);
                    release.mutate(of(line));
                  }}
                >
                  {t("undo")}
                </Button>
              </>
            ),
          });
          again();
        },
      }),
    release: (line: Exception) => release.mutate(of(line), { onSuccess: () => void message.success(t("released")) }),
    acknowledge: (line: Exception) => acknowledge.mutate({ params: { path: { alert_id: line.subject } } }),
    /** The patient of a task: asked for only when somebody wants to open his record. */
    patientOf: async (taskId: string): Promise<string | null> => {
      try {
        const { data } = await api.GET("/api/v1/tasks/{task_id}", { params: { path: { task_id: taskId } } });
        return data?.patient_id ?? null;
      } catch (problem) {
        failed(problem);
        return null;
      }
    },
  };
}
