"""The figures by which an answer is judged; a site tunes them in content/screening.yaml."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreeningRules:
    """Seconds of sound after the answer, and levels in dB below full scale. The defaults are the ones measured."""

    limit_seconds: float = 3.0  # by then there is a verdict
    initial_silence_seconds: float = 2.5  # nobody has spoken: unknown
    quiet_seconds: float = 0.7  # so much silence after few words: a person waits for ours
    machine_speech_seconds: float = 1.7  # more speech than anybody answers a telephone with, without such a silence
    doubtful_speech_seconds: float = 1.3  # at the limit, after so much speech that still goes on, it is a greeting
    breath_seconds: float = 0.3  # speech that paused for less still goes on
    sure_speech_seconds: float = 2.6  # a machine is surely one after so much speech
    sure_quiet_seconds: float = 1.0  # and a person after all, if it falls silent for so long before that
    tone_seconds: float = 0.24  # a steady tone of so long is no voice
    late_seconds: float = 10.0  # a verdict may be taken back until then: by a tone, or by speech that never rests
    late_speech_seconds: float = 4.5
    late_speech_share: float = 0.75  # of the time since the first sound
    floor_db: float = -48.0  # quieter than this nobody speaks into a telephone
    above_noise_db: float = 9.0  # speech stands out of the line's noise by so much
    behind_db: float = 18.0  # what is so much quieter than the loudest is behind the speaker
    loudest_noise_db: float = -43.0  # what is louder all the time is no noise: it is a song
    message_quiet_seconds: float = 2.0  # a greeting without a beep is over after so much silence
    message_limit_seconds: float = 30.0  # the longest wait for a greeting's end

    def __post_init__(self) -> None:
        if not 0.5 <= self.limit_seconds <= 10:
            raise ValueError("limit_seconds must lie between 0.5 and 10")
        if self.initial_silence_seconds > self.limit_seconds:
            raise ValueError("initial_silence_seconds may not be longer than limit_seconds")
        if self.doubtful_speech_seconds > self.machine_speech_seconds:
            raise ValueError("doubtful_speech_seconds may not be longer than machine_speech_seconds")
        for name in ("quiet_seconds", "breath_seconds", "doubtful_speech_seconds", "tone_seconds"):
            if not 0.05 <= getattr(self, name) <= 5:
                raise ValueError(f"{name} must lie between 0.05 and 5")
