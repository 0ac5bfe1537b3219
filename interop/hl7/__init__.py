"""HL7 version 2 over MLLP: messages come in, are kept, acknowledged and applied."""
