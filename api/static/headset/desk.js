// An agent's desk in small, until the console has it: available or on a break, whom she talks to, and what came of it.
//
//   const card = new DeskCard($("desk"), ask);   card.show(desk);   card.speak("en");
//
// `ask(method, path, body)` gives the API's answer; `show` gets the desk, or null for somebody without one.

const LOOK_MS = 1500;
const RESULTS = [
  ["connected-patient", "completed"],
  ["connected-patient", "partially-completed"],
  ["connected-patient", "refused"],
  ["connected-proxy", "completed"],
  ["connected-wrong-person", null],
  ["wrong-number", null],
  ["answered-machine", null],
  ["no-answer", null],
  ["rejected", null],
];

const WORDS = {
  "zh-CN": {
    available: "可接听",
    pause: "休息",
    pauseAfter: "小结后休息",
    availableAfter: "小结后继续接听",
    hangUp: "挂机",
    identity: "身份已核对（姓名、生日）",
    take: "接听来电",
    dial: "拨号",
    skip: "暂不拨打，放回队列",
    previews: "请先查看，再拨号",
    save: "保存小结",
    choose: "请选择通话结果",
    caller: "患者来电",
    nobody: "现在没有通话。",
    states: { offline: "未上班", available: "可接听，等待来电", reserved: "正在为您接通", on_call: "通话中", wrap_up: "通话小结", break: "休息", training: "培训" },
    calls: { planned: "准备拨号", dialing: "正在拨号", ringing: "振铃中", answered: "已接听", bridged: "通话中", held: "保持中", ended: "已结束" },
    results: ["与患者通话，随访完成", "与患者通话，部分完成", "患者拒绝随访", "与家属通话，随访完成", "接听者不是患者", "号码错误", "语音信箱", "无人接听", "拒接"],
    refused: "现在不能这样做：",
  },
  en: {
    available: "Available",
    pause: "Break",
    pauseAfter: "Break after the wrap-up",
    availableAfter: "Go on after the wrap-up",
    hangUp: "Hang up",
    identity: "Identity checked (name, birthday)",
    take: "Take the caller",
    dial: "Dial",
    skip: "Not now: back to the queue",
    previews: "look first, then dial",
    save: "Save the wrap-up",
    choose: "Choose what came of it",
    caller: "A patient rings",
    nobody: "No call now.",
    states: { offline: "Off duty", available: "Available, waiting for calls", reserved: "A call is being made for you", on_call: "In a call", wrap_up: "Wrap-up", break: "On a break", training: "Training" },
    calls: { planned: "about to dial", dialing: "dialing", ringing: "ringing", answered: "answered", bridged: "talking", held: "on hold", ended: "ended" },
    results: ["Spoke with the patient, done", "Spoke with the patient, in part", "Patient refused", "Spoke with a relative, done", "Somebody else answered", "Wrong number", "Voicemail", "No answer", "Declined"],
    refused: "Not possible now: ",
  },
};

export class DeskCard {
  constructor(root, ask) {
    this.root = root;
    this.ask = ask;
    this.words = WORDS.en;
    this.desk = null;
    this.hand = null; // the attempt, call and masked patient in hand
    this.caller = null; // who is offered
    this.problem = "";
    this.part = (name) => root.querySelector(`[data-part="${name}"]`);
    this.does("switch", () => this.ask("POST", "/agents/me/state", { state: this.resting() ? "available" : "break" }));
    this.does("hangUp", () => this.ask("POST", `/calls/${this.hand.call.id}/commands`, { verb: "hang_up" }));
    this.does("identity", () =>
      this.ask("POST", `/attempts/${this.hand.attempt.id}/identity`, { person: "patient", identifiers: ["name", "born"] }),
    );
    this.does("take", () => this.ask("POST", `/inbound-calls/${this.caller.id}/accept`));
    this.does("dial", () => this.ask("POST", `/attempts/${this.hand.attempt.id}/dial`));
    this.does("skip", () => this.ask("POST", `/attempts/${this.hand.attempt.id}/skip`, { reason: "not_now" }));
    this.does("save", () => {
      const [outcome, result] = RESULTS[this.part("result").value];
      const body = result ? { outcome, task_result: result } : { outcome };
      return this.ask("POST", `/attempts/${this.hand.attempt.id}/wrap-up`, body);
    });
    this.part("result").addEventListener("change", () => this.draw());
    this.look();
  }

  // The server's last word on the desk; null hides the card.
  show(desk) {
    this.desk = desk;
    this.draw();
  }

  speak(language) {
    this.words = WORDS[language];
    this.drawResults();
    this.draw();
  }

  resting() {
    return ["offline", "break", "training"].includes(this.desk?.wanted_state ?? this.desk?.state);
  }

  does(part, act) {
    this.part(part).addEventListener("click", async () => {
      try {
        await act();
        this.problem = "";
      } catch (error) {
        this.problem = this.words.refused + error.message;
      }
      await this.see();
    });
  }

  async look() {
    if (this.desk) await this.see();
    setTimeout(() => this.look(), LOOK_MS);
  }

  async see() {
    try {
      this.desk = await this.ask("GET", "/agents/me/state");
      this.hand = await this.ask("GET", "/agents/me/call");
      const { inbound_calls: rings } = this.hand.attempt ? { inbound_calls: [] } : await this.ask("GET", "/inbound-calls?live=true");
      this.caller = rings.find((each) => each.agent_id === this.desk.agent_id) ?? null;
    } catch {
      return; // the page says why the API does not answer
    }
    this.draw();
  }

  drawResults() {
    const chosen = this.part("result").value;
    const options = RESULTS.map((_, place) => new Option(this.words.results[place], place));
    this.part("result").replaceChildren(new Option(this.words.choose, ""), ...options);
    this.part("result").value = chosen;
  }

  draw() {
    const { words, desk, hand, caller } = this;
    this.root.hidden = !desk;
    if (!desk) return;
    const wrapUp = hand?.attempt?.state === "wrap_up";
    const talks = ["ringing", "answered", "bridged", "held"].includes(hand?.call?.state);
    this.part("state").textContent = words.states[desk.state];
    const after = ["reserved", "on_call", "wrap_up"].includes(desk.state);
    this.part("switch").textContent = this.resting()
      ? after ? words.availableAfter : words.available
      : after ? words.pauseAfter : words.pause;
    this.root.dataset.state = { available: "on", reserved: "asking", on_call: "on", wrap_up: "asking" }[desk.state] ?? "off";
    this.part("who").textContent = this.whom();
    this.part("problem").textContent = this.problem;
    this.toggle("hangUp", talks, words.hangUp);
    this.toggle("identity", Boolean(hand?.patient?.masked) && ["bridged", "held"].includes(hand?.call?.state), words.identity);
    const previews = Boolean(hand?.attempt?.preview_until);
    this.toggle("dial", previews, words.dial);
    this.toggle("skip", previews, words.skip);
    this.toggle("take", caller?.state === "offered", words.take);
    this.toggle("save", wrapUp, words.save);
    this.part("save").disabled = this.part("result").value === "";
    this.part("result").hidden = !wrapUp;
    if (!wrapUp) this.part("result").value = "";
  }

  whom() {
    const { words, hand, caller } = this;
    if (hand?.patient) {
      const { name, born, number } = hand.patient;
      const left = Math.max(0, Math.round((new Date(hand.attempt.preview_until) - Date.now()) / 1000));
      const state = hand.attempt.preview_until ? `${words.previews} (${left} s)` : words.calls[hand.call?.state];
      return [state, name, born, number].filter(Boolean).join(" · ");
    }
    if (caller) return [words.caller, ...caller.people.map((person) => person.name), caller.number].filter(Boolean).join(" · ");
    return words.nobody;
  }

  toggle(part, shown, text) {
    this.part(part).hidden = !shown;
    this.part(part).textContent = text;
  }
}
