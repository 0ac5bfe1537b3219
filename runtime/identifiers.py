"""Ids of rows: random, so that they tell nothing and can be made before the row exists."""

import uuid


def new_id() -> str:
    """A new UUID as text."""
    return str(uuid.uuid4())
