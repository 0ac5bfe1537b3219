"""Printed and sent pages: stage summaries, health reports, their numbers and their proof."""
