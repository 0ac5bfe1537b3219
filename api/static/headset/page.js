// The headset's own page: shows what headset.js does, and keeps an agent's desk alive while no console does. A supervisor
// without a desk has the same page: her browser is on a call only while she supervises one.

import { DeskCard } from "./desk.js";
import { Headset, State } from "./headset.js";
import { WORDS } from "./words.js";

const API = "/api/v1";
const BEAT_MS = 4000;
const VISIT_MS = 1500; // a supervisor reads here who hears her
const KEPT = "suifang.headset"; // the choices of this machine: devices and language, nothing of a person
const $ = (id) => document.getElementById(id);

const kept = JSON.parse(localStorage.getItem(KEPT) ?? "{}");
let language = kept.language ?? (navigator.language.startsWith("zh") ? "zh-CN" : "en");
let purpose = ""; // desk or supervision
let desk = null; // the server's last word on this desk
let told = null; // its last word on a supervisor's headset
let broken = ""; // the visit on a call in which the link was lost
let note = "";

async function ask(method, path, body) {
  const headers = method === "POST" ? { "Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID() } : {};
  const response = await fetch(API + path, { method, headers, body: body && JSON.stringify(body), cache: "no-store" });
  const answer = response.status === 204 ? null : await response.json();
  if (response.ok) return answer;
  const error = new Error(response.status === 401 ? "not_logged_in" : answer.reason);
  // A gateway that is away comes back; an offer that was refused is refused again.
  error.final = response.status < 500 && response.status !== 409;
  error.told = true;
  throw error;
}

const headset = new Headset({
  servers: async () => {
    const answer = await ask("GET", "/headset");
    headset.relayOnly = answer.relay_only;
    return answer.ice_servers.map((server) => (server.username ? server : { urls: server.urls }));
  },
  connect: async (sdp) => (await ask("POST", "/headset/offers", { sdp })).sdp,
});
headset.microphone = kept.microphone ?? "";
const card = new DeskCard($("desk"), ask);
card.speak(language);

function keep(changes) {
  Object.assign(kept, changes);
  localStorage.setItem(KEPT, JSON.stringify(kept));
}

function visitWords(words) {
  const visit = told?.visit;
  const lasts = visit && visit.state !== "ended";
  if (lasts && !visit.in_browser) return words.visits.by_phone;
  if (headset.state === State.LOST && lasts) return words.visits.lost.replace("{seconds}", told.rejoin_seconds);
  if (headset.state !== State.ON) return "";
  if (!lasts) return visit && visit.supervision_id === broken ? words.visits.cut : words.visits.ready;
  return visit.state === "ringing" ? words.visits.ringing : words.visits[visit.mode];
}

function lineWords(words) {
  if (purpose === "supervision") return visitWords(words);
  if (desk?.headset_lost_at && headset.state !== State.ON) return words.lines.lost.replace("{seconds}", "30");
  return desk && headset.state !== State.OFF ? words.lines[desk.headset_state] : "";
}

function draw() {
  const words = WORDS[language];
  document.documentElement.lang = language;
  $("title").textContent = words.title;
  $("language").textContent = words.other;
  $("card").dataset.state = headset.state;
  $("state").textContent = words.states[headset.state];
  $("line").textContent = lineWords(words);
  $("problem").textContent = words.problems[headset.problem] ?? (headset.problem || note);
  const on = ![State.OFF, State.REFUSED].includes(headset.state);
  $("power").textContent = on ? words.takeOff : words.putOn;
  $("mute").textContent = headset.muted ? words.muted : words.mute;
  $("mute").setAttribute("aria-pressed", String(headset.muted));
  $("mute").disabled = !on;
  for (const id of ["in", "out"]) $(`${id}Label`).textContent = words[id];
  for (const id of ["microphone", "speaker"]) $(`${id}Label`).textContent = words[id];
}

async function drawDevices() {
  const { microphones, speakers } = await headset.devices();
  for (const [id, found, chosen] of [
    ["microphone", microphones, headset.microphone],
    ["speaker", speakers, headset.speaker],
  ]) {
    const options = [new Option(WORDS[language].standard, "")];
    for (const device of found) {
      if (device.deviceId && device.deviceId !== "default") options.push(new Option(device.label || device.deviceId, device.deviceId));
    }
    $(id).replaceChildren(...options);
    $(id).value = found.some((device) => device.deviceId === chosen) ? chosen : "";
    $(id).disabled = found.length === 0;
  }
}

function drawLevels() {
  $("in").value = headset.muted ? 0 : headset.level("in");
  $("out").value = headset.level("out");
  setTimeout(() => requestAnimationFrame(drawLevels), 80);
}

async function beat() {
  try {
    purpose ||= (await ask("GET", "/headset")).purpose;
    if (purpose === "supervision") told = await ask("GET", "/headset");
    else card.show((desk = await ask("POST", "/agents/me/heartbeat")));
    note = "";
  } catch (error) {
    note = WORDS[language].problems[error.message] ?? "";
  }
  draw();
  setTimeout(beat, purpose === "supervision" ? VISIT_MS : BEAT_MS);
}

async function putOn() {
  if (!navigator.mediaDevices) {
    headset.refuse("insecure");
    return;
  }
  keep({ worn: true });
  await headset.putOn();
  await drawDevices();
  if (kept.speaker) await headset.chooseSpeaker(kept.speaker);
}

async function takeOff() {
  try {
    await ask("DELETE", purpose === "supervision" ? "/supervision/headset" : "/agents/me/headset");
  } catch (error) {
    note = desk?.state === "on_call" || desk?.state === "reserved" ? WORDS[language].inCall : error.message;
    draw();
    return;
  }
  keep({ worn: false });
  headset.takeOff();
}

headset.addEventListener("change", () => {
  if (headset.state === State.LOST && told?.visit?.state === "on_line") broken = told.visit.supervision_id;
  draw();
});
$("power").addEventListener("click", () => ([State.OFF, State.REFUSED].includes(headset.state) ? putOn() : takeOff()));
$("mute").addEventListener("click", () => headset.mute(!headset.muted));
$("language").addEventListener("click", () => {
  language = language === "en" ? "zh-CN" : "en";
  keep({ language });
  card.speak(language);
  draw();
  drawDevices();
});
$("microphone").addEventListener("change", async (event) => {
  keep({ microphone: event.target.value });
  await headset.chooseMicrophone(event.target.value);
});
$("speaker").addEventListener("change", async (event) => {
  keep({ speaker: event.target.value });
  await headset.chooseSpeaker(event.target.value);
});
document.addEventListener("keydown", (event) => {
  const typing = ["SELECT", "INPUT", "TEXTAREA"].includes(event.target.tagName);
  if (event.key.toLowerCase() === "m" && !event.ctrlKey && !event.altKey && !event.metaKey && !event.repeat && !typing && !$("mute").disabled) {
    headset.mute(!headset.muted);
  }
});
navigator.mediaDevices?.addEventListener("devicechange", drawDevices);

window.headset = headset; // for the console of a browser's developer tools, and for tests
draw();
drawLevels();
beat();
if (kept.worn) putOn(); // the page was reloaded, perhaps in the middle of a call
