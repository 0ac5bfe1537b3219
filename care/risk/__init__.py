"""Risk scores and classes: how each is reckoned, from what, and when it must be refused; all figures are content."""
