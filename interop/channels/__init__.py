"""The ways by which a message leaves; each implements `followup.ports.MessageChannel`."""
