"""Captions of calls that go on: tables, mappings, repository. Rows live until the transcript takes their place."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Boolean, Column, Float, Index, Integer, String, Table, Text, Uuid, delete, exists, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.calls import calls
from db.metadata import closed_set, id_column, instant, mapper_registry, metadata, reference
from db.recordings import recordings, transcripts
from followup.captions import CAPTIONED, FOLLOWER_SILENT, Caption, Following
from followup.recordings import Channel, Recording, RecordingState

captions = Table(
    "captions",
    metadata,
    id_column(),
    reference("recording_id", "recordings.id", index=False),
    closed_set("channel", Channel),
    Column("start", Float, nullable=False),
    Column("end", Float, nullable=False),
    Column("text", Text, nullable=False),
    Column("written", Text, nullable=False, default=""),
    Column("stable", Integer, nullable=False),
    Column("final", Boolean, nullable=False),
    Column("confidence", Float, nullable=False),
    Index("ix_captions_recording", "recording_id", "start"),
)

caption_followings = Table(
    "caption_followings",
    metadata,
    Column("recording_id", Uuid(as_uuid=False), primary_key=True),
    Column("follower", String(100), nullable=False),
    Column("language", String(16), nullable=False),
    instant("seen_at"),
    Column("heard_until", Float, nullable=False, default=0.0),
    Column("behind", Float, nullable=False, default=0.0),
    Column("left_out", Integer, nullable=False, default=0),
    Column("ended", Boolean, nullable=False, default=False),
    Index("ix_caption_followings_seen", "seen_at"),
)

mapper_registry.map_imperatively(Caption, captions)
mapper_registry.map_imperatively(Following, caption_followings)


class CaptionRepository:
    """Captions and who writes them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def to_follow(self, node: str, now: datetime, *, limit: int) -> Sequence[Recording]:
        """Recordings being made at this node that nobody follows: agents' first, the newest first."""
        followed = exists().where(
            caption_followings.c.recording_id == recordings.c.id,
            (caption_followings.c.seen_at >= now - FOLLOWER_SILENT) | caption_followings.c.ended,
        )
        return self._session.scalars(
            select(Recording)
            .join(calls, calls.c.id == recordings.c.call_id)
            .where(recordings.c.state == RecordingState.RECORDING, calls.c.node == node, ~followed)
            .order_by(calls.c.agent_id.is_(None), recordings.c.started_at.desc())
            .limit(limit)
        ).all()

    def follow(self, recording_id: str, follower: str, language: str, now: datetime) -> Following | None:
        """Take a recording that nobody follows; None when another was faster. What was not final is taken away."""
        taken = self._session.scalar(
            insert(caption_followings)
            .values(
                recording_id=recording_id,
                follower=follower,
                language=language,
                seen_at=now,
                heard_until=0.0,
                behind=0.0,
                left_out=0,
                ended=False,
            )
            .on_conflict_do_update(
                index_elements=[caption_followings.c.recording_id],
                set_={"follower": follower, "seen_at": now, "behind": 0.0},
                where=(caption_followings.c.seen_at < now - FOLLOWER_SILENT) & ~caption_followings.c.ended,
            )
            .returning(caption_followings.c.recording_id)
        )
        if taken is None:
            return None
        self._session.execute(
            delete(captions).where(captions.c.recording_id == recording_id, captions.c.final.is_(False))
        )
        return self._session.get(Following, recording_id, populate_existing=True)

    def tell(self, recording_id: str, follower: str, now: datetime, *, heard_until: float, behind: float) -> bool:
        """Say that the recording is still followed; False when it is not this follower's any more."""
        told = self._session.scalar(
            update(caption_followings)
            .where(
                caption_followings.c.recording_id == recording_id,
                caption_followings.c.follower == follower,
                caption_followings.c.ended.is_(False),
            )
            .values(seen_at=now, heard_until=heard_until, behind=behind)
            .returning(caption_followings.c.recording_id)
        )
        return told is not None

    def count_left_out(self, recording_id: str) -> None:
        """A stretch was given up because newer speech came first."""
        self._session.execute(
            update(caption_followings)
            .where(caption_followings.c.recording_id == recording_id)
            .values(left_out=caption_followings.c.left_out + 1)
        )

    def let_go(self, recording_id: str, follower: str, now: datetime, *, ended: bool) -> None:
        """Stop following: for good when the call is over, else another may take it at once."""
        self._session.execute(
            update(caption_followings)
            .where(caption_followings.c.recording_id == recording_id, caption_followings.c.follower == follower)
            .values(ended=ended, seen_at=now if ended else now - 2 * FOLLOWER_SILENT)
        )

    def put(self, caption: Caption) -> None:
        """Write a caption, or the new wording of one."""
        values = {
            "start": caption.start,
            "end": caption.end,
            "text": caption.text,
            "written": caption.written,
            "stable": caption.stable,
            "final": caption.final,
            "confidence": caption.confidence,
        }
        self._session.execute(
            insert(captions)
            .values(id=caption.id, recording_id=caption.recording_id, channel=caption.channel, **values)
            .on_conflict_do_update(index_elements=[captions.c.id], set_=values)
        )

    def drop(self, caption_id: str) -> None:
        """Take back a caption that turned out to be no speech."""
        self._session.execute(delete(captions).where(captions.c.id == caption_id))

    def drop_drafts(self, recording_id: str) -> None:
        """Take away what never became final."""
        self._session.execute(
            delete(captions).where(captions.c.recording_id == recording_id, captions.c.final.is_(False))
        )

    def of_recording(self, recording_id: str) -> Sequence[Caption]:
        """The captions of a recording in order of time."""
        return self._session.scalars(
            select(Caption)
            .where(captions.c.recording_id == recording_id)
            .order_by(captions.c.start, captions.c.channel)
            .limit(10_000)
            .execution_options(populate_existing=True)
        ).all()

    def following(self, recording_id: str) -> Following | None:
        """Who follows a recording, or followed it last."""
        return self._session.get(Following, recording_id, populate_existing=True)

    def may_be_written(self, recording: Recording) -> bool:
        """Whether a recording whose row is locked still wants captions: not refused, not transcribed."""
        has_text = self._session.scalar(select(exists().where(transcripts.c.recording_id == recording.id)))
        return recording.state in CAPTIONED and not has_text

    def forget(self, recording_ids: Collection[str]) -> int:
        """Take away every caption of these recordings; how many there were."""
        # What became of the recording is said first: whoever writes a caption holds its row, and sees it after us.
        self._session.flush()
        gone = self._session.execute(
            delete(captions).where(captions.c.recording_id.in_(recording_ids)).returning(captions.c.id)
        ).all()
        self._session.execute(
            update(caption_followings)
            .where(caption_followings.c.recording_id.in_(recording_ids))
            .values(ended=True, behind=0.0)
        )
        return len(gone)

    def forget_old(self, before: datetime, *, limit: int) -> int:
        """Take away captions, and the word of who wrote them, where nobody has written since `before`."""
        old = self._session.scalars(
            select(caption_followings.c.recording_id)
            .where(caption_followings.c.seen_at < before)
            .order_by(caption_followings.c.seen_at)
            .limit(limit)
        ).all()
        self._session.execute(delete(captions).where(captions.c.recording_id.in_(old)))
        self._session.execute(delete(caption_followings).where(caption_followings.c.recording_id.in_(old)))
        return len(old)
