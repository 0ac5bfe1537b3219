"""Whose records a stored answer was made from"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Nobody can say it of the answers that are there; they are kept for a day only.
    op.execute("DELETE FROM stored_answers")
    op.add_column(
        "stored_answers",
        sa.Column(
            "patient_ids",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
    )


def downgrade() -> None:
    op.drop_column("stored_answers", "patient_ids")
