import "i18next";

declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "app";
    resources: {
      api: typeof import("@/api/words.zh").default;
      admin: typeof import("@/admin/words.zh").default;
      admin_content: typeof import("@/admin/content/words.zh").default;
      admin_house: typeof import("@/admin/house/words.zh").default;
      app: typeof import("@/app/words.zh").default;
      calls: typeof import("@/calls/words.zh").default;
      campaigns: typeof import("@/campaigns/words.zh").default;
      complaints: typeof import("@/complaints/words.zh").default;
      exceptions: typeof import("@/exceptions/words.zh").default;
      guide: typeof import("@/guide/words.zh").default;
      headset: typeof import("@/headset/words.zh").default;
      keyboard: typeof import("@/keyboard/words.zh").default;
      log_in: typeof import("@/log_in/words.zh").default;
      patients: typeof import("@/patients/words.zh").default;
      quality: typeof import("@/quality/words.zh").default;
      recordings: typeof import("@/recordings/words.zh").default;
      shown: typeof import("@/shown/words.zh").default;
      stats: typeof import("@/stats/words.zh").default;
      wall: typeof import("@/wall/words.zh").default;
      work: typeof import("@/work/words.zh").default;
    };
  }
}
