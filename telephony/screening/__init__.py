"""Who or what is at the far end, judged from its sound alone: pure functions, samples and time in, a verdict out."""
