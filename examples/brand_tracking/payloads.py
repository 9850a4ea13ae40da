"""What the tasks take; the admin renders its forms from it."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Brand(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    brand: Annotated[str, Field(min_length=1, description="The name in brand_tracking.brands")]
