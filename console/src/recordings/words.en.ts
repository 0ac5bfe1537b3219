import type { Translated } from "@/words";
import type zh from "./words.zh";

const en: Translated<typeof zh> = {
  title: "Recordings",
  side: { agent: "Agent", patient: "Patient" },
  player: {
    name: "Player",
    position: "Position",
    position_of: "{{at}} of {{of}}",
    play: "Play",
    pause: "Pause",
    back: "5 seconds back",
    forward: "5 seconds on",
    rate: "Speed",
    skip: "Skip silence",
    heard: "Who is heard",
    balance: "Loudness of agent and patient",
    more_agent: "agent {{percent}} % louder",
    more_patient: "patient {{percent}} % louder",
    even: "alike",
  },
  lanes: { together: "Both mixed", apart: "Left and right", agent: "Agent only", patient: "Patient only" },
  transcript: {
    name: "Transcript",
    find: "Find in the transcript",
    place: "{{at}}/{{of}}",
    next: "Next find",
    previous: "Previous find",
    follow: "Follow the sound",
    nothing_said: "Nobody speaks in this recording",
    play_from: "Play from {{at}}",
    doubtful: "Doubtful",
    maybe: "Perhaps {{name}}",
    corrected: "Corrected",
    heard: "Heard as: {{words}}",
    correct: "Correct the words",
    correct_at: "Correct the words at {{at}}",
    save: "Save",
    cancel: "Cancel",
  },
};

export default en;
