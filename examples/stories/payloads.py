"""What the tasks take; checked when a run is asked for and again when it starts."""

from typing import Annotated, Literal

from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field

Id = Annotated[int, Field(ge=1)]
Kind = Literal["article", "video", "upload"]


class Payload(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Pull(Payload):
    """Of one feed, or of every enabled one; the newest `limit` items of each."""

    feed_id: Id | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 50


class Address(Payload):
    # The pattern is for those who only know the JSON schema, where "format": "uri" binds nobody.
    url: Annotated[AnyHttpUrl, Field(json_schema_extra={"pattern": "^https?://"})]


class Upload(Payload):
    """A text or HTML file that the worker can read."""

    path: Annotated[str, Field(min_length=1)]
    title: str | None = None


class SourceRef(Payload):
    source_id: Id


class FeedItem(SourceRef):
    """`fetch` says whether its page may be asked for, where the item is a teaser only."""

    fetch: bool = True


class StoryRef(Payload):
    story_id: Id


class InsightRef(Payload):
    insight_id: Id


class Attachment(Payload):
    insight_id: Id
    story_id: Id


class BriefOrder(Payload):
    title: str = "Brief"
    stories: Annotated[int, Field(ge=1, le=50)] = 5


class PlaybookOrder(Payload):
    playbook: Annotated[str, Field(min_length=1)]
