"""How many items a run takes where its payload says nothing else; the schedule `news` says its own."""

from typing import Annotated

from pydantic import Field

CLEAN_LIMIT = 50
EMBED_LIMIT = 20
ANALYZE_LIMIT = 10

Limit = Annotated[int, Field(ge=1, le=1000)]
