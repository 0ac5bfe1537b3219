"""content/end_reasons.yaml: why a call ended, in words for the agent."""

from followup.calls import CauseCode
from runtime.content.documents import Head, Wording


class EndReasonsDocument(Head):
    words: dict[CauseCode, Wording]
