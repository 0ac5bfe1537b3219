"""The domain of the person: patient, contact points, consent, do-not-call (standard library only)."""
