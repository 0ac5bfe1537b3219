"""The domain of calling: plans, tasks, queues, attempts, calls, recordings, outcomes (standard library only)."""
