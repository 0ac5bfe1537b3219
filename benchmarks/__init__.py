"""Each figure of ours beside a peer's, measured in one run."""
