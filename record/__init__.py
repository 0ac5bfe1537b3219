"""What follows from a change in the record: tags, risk, goals, advice, each by rules that are data."""
