import { expect, it } from "vitest";
import { start, walked } from "./walking";

const nothing = {
  says: [],
  entry: null,
  timeout_seconds: 8,
  tries: 2,
  proves: null,
  item: "",
  ending: null,
  appointment: null,
  refuses_recording: false,
  opts_out: false,
  owes_person: false,
};
const flow: Parameters<typeof start>[0] = {
  start: "identity",
  steps: [
    { ...nothing, key: "identity", keys: { "1": "matter" }, otherwise: "nobody" },
    { ...nothing, key: "matter", keys: {}, otherwise: null, ending: { outcome: "connected-patient" as const, task_result: null, answer: "" } },
    { ...nothing, key: "nobody", keys: {}, otherwise: null, ending: { outcome: "no-answer" as const, task_result: null, answer: "" } },
  ],
};

it("goes where a key leads, where silence leads, and to a person by 0 from every step", () => {
  expect(walked(flow, start(flow), "1").at).toBe("matter");
  expect(walked(flow, start(flow), "silence").at).toBe("nobody");
  expect(walked(flow, start(flow), "0").person).toBe(true);
});

it("stays where it is at a key without a meaning, and at an end", () => {
  expect(walked(flow, start(flow), "7")).toEqual(start(flow));
  const ended = walked(flow, start(flow), "1");
  expect(walked(flow, ended, "0")).toEqual(ended);
});
