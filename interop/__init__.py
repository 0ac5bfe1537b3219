"""Feeds in and out: lists from CSV and Excel, and the channels by which a message leaves."""
