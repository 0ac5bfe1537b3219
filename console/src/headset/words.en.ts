import type { Translated } from "@/words";
import type zh from "./words.zh";

const en: Translated<typeof zh> = {
  title: "Check before calls",
  become_available: "Become available",
  done: "Done",
  later: "Later",
  second_tab: "This tab is read-only. Take over in this tab first.",
  kind: "What you wear",
  kinds: { browser: "Headset at this computer", phone: "Desk phone or extension" },
  marks: { good: "Good", bad: "Something is wrong", waits: "To be checked" },
  network: { title: "Network", live: "Connected to the server", lost: "The server is not heard; reconnecting" },
  line: { title: "Line", up: "The line is up", ringing: "The line is being set up…", down: "The line is down: connect the headset or phone first" },
  states: {
    off: "Not connected",
    asking: "Allow the microphone in the browser…",
    connecting: "Connecting…",
    on: "Connected",
    lost: "Connection lost, reconnecting…",
    refused: "Cannot connect",
  },
  microphone: {
    title: "Microphone",
    listening: "Please say a few words…",
    sounds: "Your voice is heard",
    silent: "No sound for 5 seconds: look at the headset's own mute switch, or choose another microphone below",
    level: "Microphone level",
    choose: "Choose a microphone",
  },
  speaker: {
    title: "Earpiece",
    play: "Play a tone",
    heard: "I hear it",
    not_heard: "I do not",
    choose: "Choose an earpiece",
    help: "Choose another earpiece above, and look at the computer's volume.",
  },
  phone: {
    title: "Phone",
    help: "Your phone is rung once and stays up for the shift.",
    number: "Extension or SIP address",
    ring: "Ring my phone",
    put_down: "Put it down",
  },
  standard: "As the computer has it",
  put_on: "Connect headset",
  take_off: "Disconnect headset",
  lost: "Connection lost; it reconnects by itself",
  faults: {
    microphone_not_allowed: { title: "The microphone was not allowed", help: "Click the lock in the address bar, allow the microphone, then connect again." },
    microphone_missing: { title: "No microphone was found", help: "Plug the headset in, then connect again." },
    worn_elsewhere: { title: "The headset is used in another tab", help: "Close that tab, or take over here." },
    insecure: { title: "No microphone at this address", help: "Browsers give a microphone to https addresses only; tell the administrator." },
    offer_refused: { title: "The server refused the connection", help: "" },
  },
};

export default en;
