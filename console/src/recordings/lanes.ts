// How loud each side of a call is in each ear.

/** Each side in its ear; both in both ears; or one side alone. */
export type Lanes = "together" | "apart" | "agent" | "patient";

export interface Loudness {
  agentLeft: number;
  agentRight: number;
  patientLeft: number;
  patientRight: number;
}

/** `balance` from -1 (agent alone) over 0 (as recorded) to 1 (patient alone). */
export function loudness(lanes: Lanes, balance: number): Loudness {
  const agent = lanes === "patient" ? 0 : lanes === "agent" ? 1 : Math.min(1, 1 - balance);
  const patient = lanes === "agent" ? 0 : lanes === "patient" ? 1 : Math.min(1, 1 + balance);
  return {
    agentLeft: agent,
    agentRight: lanes === "apart" ? 0 : agent,
    patientLeft: lanes === "apart" ? 0 : patient,
    patientRight: patient,
  };
}
