// Whether the server has said that nobody is logged in any more; the page stays as it is under the log-in dialog.
import { create } from "zustand";

interface Ended {
  ended: boolean;
  end: () => void;
  begin: () => void;
}

export const logInEnded = create<Ended>((set) => ({
  ended: false,
  end: () => set({ ended: true }),
  begin: () => set({ ended: false }),
}));
