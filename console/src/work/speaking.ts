// Whom the agent has begun to check: the patient, a relative, or nobody who may hear anything; by attempt.
import { create } from "zustand";

interface Speaking {
  attemptId: string | null;
  relative: { id: string | null; name: string } | null;
  neutral: boolean;
}

export const speaking = create<Speaking>(() => ({ attemptId: null, relative: null, neutral: false }));
