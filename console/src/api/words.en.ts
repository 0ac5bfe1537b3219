import type { Translated } from "@/words";
import type zh from "./words.zh";

const en: Translated<typeof zh> = {
  unexpected: "That did not work",
  codes: {
    second_tab: "Another tab leads; this one only shows",
    no_network: "No network: the request did not arrive",
    not_understood: "The server's answer could not be read",
    internal_error: "The server failed; it was noted",
    unavailable: "The service is not available for the moment; try again",
    invalid_request: "Something filled in is not right",
    malformed_json: "The request could not be read",
    body_too_large: "That is too large",
    no_such_address: "There is no such address",
    not_logged_in: "Your log-in has ended",
    wrong_log_in: "User name or password is wrong",
    already_logged_in: "This user is logged in elsewhere",
    too_many_log_ins: "Too many attempts; try again in a moment",
    forbidden: "Your role may not do this",
    not_yours: "This is not yours",
    outside_care_team: "You are not in this patient's care team",
    request_in_flight: "The same request is under way",
    not_possible_now: "Not possible as things stand",
    conflict: "Somebody else changed it; reload",
    recording_not_stored: "The recording is not stored yet",
    recording_gone: "The recording is gone and cannot be played",
    recording_damaged: "The recording's file is damaged; nothing of it is played",
    unknown_recording: "There is no such recording",
    unknown_transcript: "There is no transcript yet",
    unknown_comment: "The comment is not there any more",
    unknown_search_hit: "This find is not there any more; search again",
    redacted_copy_closed: "This copy was taken back or its time is over",
    unknown_redacted_copy: "There is no such redacted copy",
  },
};

export default en;
