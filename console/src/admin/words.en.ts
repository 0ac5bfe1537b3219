import type { Translated } from "@/words";
import type zh from "./words.zh";

const en: Translated<typeof zh> = {
  title: "Administration",
  nothing_yours: "Your role administers nothing. If you need it, ask an administrator for the role.",
  groups: {
    people: "People",
    calling: "Calling",
    content: "Content",
    keeping: "Keeping and running",
  },
  parts: {
    users: { title: "Users and roles", about: "Who may log in, what they may do, whose departments are theirs." },
    skills: { title: "Skills and queues", about: "Each agent's languages, dialects and skills, and the queues served." },
    log_ins: { title: "Log-ins", about: "Who is logged in, since when, and how many tries failed." },
    queues: { title: "Queues", about: "All rules of each queue; stop it and let it go on." },
    calendar: { title: "Holidays", about: "The year's calendar: holidays and make-up working days." },
    windows: { title: "Calling windows", about: "From when to when each region may be called, and how often." },
    duty: { title: "Duty roster", about: "Who is on duty, who stands in, where nobody is." },
    trunks: { title: "Trunks and caller IDs", about: "State of the lines, test call, answer rate of each caller ID." },
    retention: { title: "Retention", about: "How long, what would be destroyed (dry run), proofs of destruction." },
    holds: { title: "Legal holds", about: "What is held is not destroyed; two people lift a hold." },
    audit: { title: "Audit log", about: "Who saw whose record and did what, when; and whether the log is whole." },
    health: { title: "System health", about: "Processes, engines, disk, clock, parked tasks." },
    imports: { title: "Imports", about: "Preview, columns, duplicates, number repair, undo." },
    templates: { title: "Plan templates", about: "What happens on which day, the tasks it makes, versions." },
    forms: { title: "Forms", about: "Questions, branches, both languages, and a test run." },
    flows: { title: "Reminder flows", about: "The steps of automated calls, and a walk through them." },
    feeds: { title: "Feeds", about: "Messages received, messages parked, codes not mapped." },
    messages: { title: "Message templates", about: "Text messages and e-mails to patients." },
  },
};

export default en;
