// Every page of the console: its address, who may open it, where it stands in the menu. Each is loaded when it is first opened.
import { lazy, type ComponentType, type LazyExoticComponent } from "react";
import type { Role } from "@/api/me";

export interface Page {
  /** As TanStack Router writes it: /recordings/$recordingId */
  path: string;
  /** Who may open it; empty is everybody who is logged in. */
  roles: readonly Role[];
  /** The word in the menu (app:nav.*), where it stands there. */
  nav?: "work" | "patients" | "live" | "exceptions" | "campaigns" | "recordings" | "quality" | "stats" | "complaints" | "admin" | "guide";
  page: LazyExoticComponent<ComponentType>;
}

const work = lazy(() => import("@/work/WorkPage"));
const patients = lazy(() => import("@/patients/PatientsPage"));
const patient = lazy(() => import("@/patients/PatientPage"));
const wall = lazy(() => import("@/wall/WallPage"));
const exceptions = lazy(() => import("@/exceptions/ExceptionsPage"));
const campaigns = lazy(() => import("@/campaigns/CampaignsPage"));
const campaign = lazy(() => import("@/campaigns/CampaignPage"));
const recordings = lazy(() => import("@/recordings/RecordingsPage"));
const recording = lazy(() => import("@/recordings/RecordingPage"));
const quality = lazy(() => import("@/quality/QualityPage"));
const qualityPart = quality;
const qualityScore = lazy(() => import("@/quality/ScorePage"));
const qualitySample = lazy(() => import("@/quality/SamplePage"));
const qualityRound = lazy(() => import("@/quality/RoundPage"));
const stats = lazy(() => import("@/stats/StatsPage"));
const complaints = lazy(() => import("@/complaints/ComplaintsPage"));
const complaint = lazy(() => import("@/complaints/ComplaintPage"));
const admin = lazy(() => import("@/admin/AdminPage"));
const adminPart = lazy(() => import("@/admin/AdminPartPage"));
const guide = lazy(() => import("@/guide/GuidePage"));

export const PAGES: readonly Page[] = [
  { path: "/work", roles: ["agent"], nav: "work", page: work },
  { path: "/patients", roles: ["agent", "supervisor", "registrar", "doctor"], nav: "patients", page: patients },
  { path: "/patients/$patientId", roles: ["agent", "supervisor", "registrar", "doctor"], page: patient },
  { path: "/live", roles: ["supervisor", "admin"], nav: "live", page: wall },
  { path: "/exceptions", roles: ["supervisor", "admin"], nav: "exceptions", page: exceptions },
  { path: "/campaigns", roles: ["supervisor", "admin"], nav: "campaigns", page: campaigns },
  { path: "/campaigns/$campaignId", roles: ["supervisor", "admin"], page: campaign },
  { path: "/recordings", roles: ["agent", "supervisor", "doctor", "reviewer"], nav: "recordings", page: recordings },
  { path: "/recordings/$recordingId", roles: ["agent", "supervisor", "doctor", "reviewer"], page: recording },
  { path: "/quality", roles: ["agent", "supervisor"], nav: "quality", page: quality },
  { path: "/quality/$part", roles: ["agent", "supervisor"], page: qualityPart },
  { path: "/quality/scores/$scoreId", roles: ["agent", "supervisor"], page: qualityScore },
  { path: "/quality/samples/$sampleId", roles: ["supervisor"], page: qualitySample },
  { path: "/quality/rounds/$roundId", roles: ["supervisor"], page: qualityRound },
  { path: "/stats", roles: ["supervisor", "admin", "doctor"], nav: "stats", page: stats },
  { path: "/complaints", roles: ["agent", "supervisor", "admin"], nav: "complaints", page: complaints },
  { path: "/complaints/$requestId", roles: ["agent", "supervisor", "admin"], page: complaint },
  { path: "/admin", roles: ["supervisor", "admin", "registrar"], nav: "admin", page: admin },
  { path: "/admin/$part", roles: ["supervisor", "admin", "registrar"], page: adminPart },
  { path: "/guide", roles: [], nav: "guide", page: guide },
];
