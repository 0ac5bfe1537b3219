// The roles in the order in which people speak of them.
import type { Role } from "@/api/me";

export const ROLES: readonly Role[] = ["agent", "supervisor", "doctor", "registrar", "reviewer", "admin"];
