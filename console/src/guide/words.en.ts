import type { Translated } from "@/words";
import type zh from "./words.zh";

const en: Translated<typeof zh> = {
  title: "Guide",
  first: "Your first call",
  first_steps: {
    headset: "Put on the headset, press your state at the top right and choose Available. Microphone, speaker and network are checked first.",
    call: "The workspace gives you the next patient. Read the record in the middle, then dial with Alt+A.",
    identity: "After the answer, check who is on the line. Until that is done nothing about health is shown; use the neutral script.",
    form: "Ask the questions on the right; digits choose answers, each answer is saved by itself.",
    end: "Hang up with Alt+H, choose the outcome, sign and go on with Ctrl+Enter. When nobody answers, the system records it: no key.",
    danger: "If you hear a sign of danger press Alt+W at once: say what the screen advises, then hand over to the doctor on call.",
  },
  keys: "Keys",
  keys_about: "Alt+/ shows all keys on any page; you can change them.",
  pages: "What each page is for",
  trouble: "When something is wrong",
  troubles: {
    no_sound: { title: "They cannot hear me", text: "See whether Mute is on in the call bar; then press the microphone's state at the top right and choose another device. The call goes on." },
    offline: { title: "It says the connection is lost", text: "Your call goes on. What you write is kept on this computer and sent when the network is back." },
    reload: { title: "I reloaded the page", text: "Within 30 seconds press Rejoin the call; the patient hears that you will be back." },
    second: { title: "It says another window is in use", text: "One window acts at a time. To go on here press Take over." },
    not_yours: { title: "A patient does not open", text: "For another department's patient a reason is needed. Every such look is reviewed." },
    red: { title: "I do not know what to do", text: "Press Alt+G for help: a supervisor sees it and joins." },
  },
  parts: {
    work: "Today's calls, the patient's record and the form on one screen.",
    patients: "Find a patient by name, pinyin initials (wxm), record number or the last four digits of a phone. Then timeline, results, medicines, plans, consents, family.",
    live: "What every agent is doing, who waits, who asks for help; listen, whisper, join or take over, each on record.",
    exceptions: "What somebody has to settle today; the goal is none. Each has an owner.",
    campaigns: "Calling a list: estimate and dry run first, then start, pause, stop.",
    recordings: "Find recordings by day, department or a word that was said; press a line to hear it.",
    quality: "First whether the call was real, then scores, samples, appeals and agreement.",
    stats: "Figures with numerator, denominator and interval; down to the tasks; as files.",
    complaints: "Requests and complaints: where they are, when they are due, whose they are.",
    admin: "Lists, plans and forms, queues, hours, lines, users, retention, audit and health of the system.",
  },
  privacy: "Privacy",
  privacy_points: {
    lock: "Log out when you leave your desk.",
    screen: "Take no pictures of the screen, carry no recordings and lists out of the system. Downloads are on record.",
    speak: "Before you know who is on the line, name no department and nothing about health.",
  },
};

export default en;
