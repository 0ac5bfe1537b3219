"""What an outline's sections are called, and what is said where a call was not understood."""

from followup.notes import Clarity, NoteSection

SECTION_TITLES = {
    NoteSection.RED_FLAG: {"zh": "警示", "en": "Alerts"},
    NoteSection.REACHED: {"zh": "接听者", "en": "Reached"},
    NoteSection.CONDITION: {"zh": "病情", "en": "Condition"},
    NoteSection.SYMPTOM: {"zh": "症状", "en": "Symptoms"},
    NoteSection.NUMBER: {"zh": "测量值", "en": "Measurements"},
    NoteSection.MEDICINE: {"zh": "用药与依从性", "en": "Medicines and adherence"},
    NoteSection.QUESTION: {"zh": "患者提问", "en": "Questions asked"},
    NoteSection.ADVICE: {"zh": "已给建议", "en": "Advice given"},
    NoteSection.APPOINTMENT: {"zh": "下次就诊", "en": "Next appointment"},
    NoteSection.SUMMARY: {"zh": "小结(语言模型草拟)", "en": "Summary (worded by a language model)"},
}
_ASK_TO_LISTEN = {
    Clarity.PARTLY: {
        "zh": "部分内容听不清, 未据此提出建议; 请先听所列时段的录音。",
        "en": "Some passages were not clearly heard and nothing is proposed from them; listen to the seconds listed.",
    },
    Clarity.UNCLEAR: {
        "zh": "患者的话大多听不清(可能有噪音或方言), 除警示外不提出建议; 请听录音后自行书写。",
        "en": "Most of what the patient said was not understood (noise or dialect); but for alerts nothing is "
        "proposed. Listen to the recording and write the note yourself.",
    },
}
_NOTHING_HEARD = {
    "zh": "录音中没有听到患者说话, 除警示外不提出建议; 若患者说过话, 请听录音后自行书写。",
    "en": "The patient was not heard to say anything; but for alerts nothing is proposed. If somebody did speak, "
    "listen to the recording and write the note yourself.",
}


def ask_to_listen(clarity: Clarity, confidence: float) -> dict[str, str] | None:
    """What is said where not all was understood; who pressed keys and said nothing was not misunderstood."""
    if clarity is Clarity.UNCLEAR and not confidence:
        return _NOTHING_HEARD
    return _ASK_TO_LISTEN.get(clarity)
