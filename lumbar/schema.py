"""The base of every configuration section: frozen, strict, documented by the docstring under each field."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A group of settings; unknown keys and implicit conversions are errors."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True
    )
