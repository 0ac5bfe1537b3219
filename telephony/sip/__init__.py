"""SIP by pjsua2: one call worker process per conversation, kept by the telephony node."""
