"""The kinds of resources that a bill can name."""
from enum import Enum


class ResourceType(str, Enum):
    """A kind of resource, by the name that the API shows."""

    INSTANCE = "Instance"
    VOLUME = "Volume"
    BUCKET = "Bucket"
    SNAPSHOT = "Snapshot"
