"""The edge: one signalling address for all call workers, kept by kamailio."""
