"""Browser headsets: each browser looks like a desk phone on loopback, and no call worker knows of browsers."""
