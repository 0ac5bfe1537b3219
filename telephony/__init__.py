"""Calls: one call-control interface, with SIP (pjsua2) and a scripted loopback behind it."""
