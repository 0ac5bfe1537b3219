import { describe, expect, it } from "vitest";
import { loudness } from "./lanes";
import { pastSilence, silencesBetween, silencesOf } from "./silence";
import { placesOf, secondBefore, secondBehind, turnAt } from "./turns";

describe("lanes", () => {
  it("lets both be heard in either ear when together, so that one earpiece suffices", () =>
    expect(loudness("together", 0)).toEqual({ agentLeft: 1, agentRight: 1, patientLeft: 1, patientRight: 1 }));
  it("keeps each side in its ear when apart", () =>
    expect(loudness("apart", 0)).toEqual({ agentLeft: 1, agentRight: 0, patientLeft: 0, patientRight: 1 }));
  it("makes the other side quieter, never one louder than it was recorded", () =>
    expect(loudness("together", 0.25)).toEqual({ agentLeft: 0.75, agentRight: 0.75, patientLeft: 1, patientRight: 1 }));
  it("leaves one side alone whatever the balance is", () =>
    expect(loudness("agent", 1)).toEqual({ agentLeft: 1, agentRight: 1, patientLeft: 0, patientRight: 0 }));
});

describe("silence", () => {
  const waveform = { per_second: 10, agent: [...Array<number>(10).fill(50), ...Array<number>(30).fill(2), ...Array<number>(10).fill(0)], patient: [...Array<number>(40).fill(1), ...Array<number>(10).fill(60)] };
  it("is where neither side is loud for long enough", () => expect(silencesOf(waveform)).toEqual([{ start: 1, end: 4 }]));
  it("is skipped from a little behind its begin to a little before its end", () => {
    const silences = silencesOf(waveform);
    expect(pastSilence(silences, 1.1)).toBeNull();
    expect(pastSilence(silences, 1.5)).toBe(3.75);
    expect(pastSilence(silences, 3.8)).toBeNull();
    expect(pastSilence(silences, 4.5)).toBeNull();
  });
  it("is what lies between turns where there is no waveform", () =>
    expect(
      silencesBetween(
        [
          { start: 2, end: 4 },
          { start: 3, end: 9 },
          { start: 9.5, end: 10 },
        ],
        20,
      ),
    ).toEqual([
      { start: 0, end: 2 },
      { start: 10, end: 20 },
    ]));
});

describe("turns", () => {
  const turns = [
    { start: 1, end: 3 },
    { start: 5, end: 9 },
    { start: 10, end: 12 },
  ];
  it("are found by the second", () => expect([0, 1, 4, 5, 30].map((second) => turnAt(turns, second))).toEqual([-1, 0, 0, 1, 2]));
  it("are walked back to their own begin first", () => expect([0.5, 8, 5.5, 1.2].map((second) => secondBefore(turns, second))).toEqual([0, 5, 1, 1]));
  it("are walked on until the last", () => expect([0, 2, 11].map((second) => secondBehind(turns, second))).toEqual([1, 5, null]));
  it("hold words in any case and more than once", () =>
    expect(placesOf([{ shown: "BP is high, bp!" }, { shown: "no" }], " bp ")).toEqual([
      { turn: 0, start: 0, end: 2 },
      { turn: 0, start: 12, end: 14 },
    ]));
});
