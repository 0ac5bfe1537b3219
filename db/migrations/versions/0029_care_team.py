"""Who may open which record, and breaking the glass"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_REASONS = ("emergency", "patient_on_the_line", "stands_in", "complaint", "duty_by_law", "other")
_REVIEWS = ("justified", "not_justified")


def upgrade() -> None:
    op.create_table(
        "care_team_members",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("patient_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("user_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("department", sa.String(length=100), nullable=True),
        sa.Column("role", sa.String(length=100), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.CheckConstraint(
            "(user_id IS NULL) <> (department IS NULL)",
            name=op.f("ck_care_team_members_one_of_user_and_department"),
        ),
        sa.ForeignKeyConstraint(["added_by"], ["users.id"], name=op.f("fk_care_team_members_added_by")),
        sa.ForeignKeyConstraint(["ended_by"], ["users.id"], name=op.f("fk_care_team_members_ended_by")),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_care_team_members_patient_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_care_team_members_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_care_team_members")),
    )
    op.create_index(op.f("ix_care_team_members_patient_id"), "care_team_members", ["patient_id"])
    op.create_index(op.f("ix_care_team_members_user_id"), "care_team_members", ["user_id"])
    op.create_table(
        "broken_glasses",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("patient_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("user_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column(
            "reason",
            sa.Enum(*_REASONS, name="reason", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("text", sa.String(length=500), nullable=False),
        sa.Column("broken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "review",
            sa.Enum(*_REVIEWS, name="review", native_enum=False, create_constraint=True, length=40),
            nullable=True,
        ),
        sa.Column("reviewed_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("review_text", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_broken_glasses_patient_id")),
        sa.ForeignKeyConstraint(["reviewed_by"], ["users.id"], name=op.f("fk_broken_glasses_reviewed_by")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_broken_glasses_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_broken_glasses")),
    )
    op.create_index("ix_broken_glasses_broken_at", "broken_glasses", ["broken_at", "id"])
    op.create_index("ix_broken_glasses_open", "broken_glasses", ["patient_id", "user_id", "until"])


def downgrade() -> None:
    op.drop_table("broken_glasses")
    op.drop_table("care_team_members")
