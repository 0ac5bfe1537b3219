"""content/decision_reasons.yaml: why the system decided so after an attempt, in words for the agent."""

from followup.what_next import DecisionReason
from runtime.content.documents import Head, Wording


class DecisionReasonsDocument(Head):
    words: dict[DecisionReason, Wording]
