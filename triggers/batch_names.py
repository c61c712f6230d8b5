"""What a batch may be called: it becomes part of instance ids, table keys and the name of an Exchange batch."""

import re

from triggers.answers import BadRequest

# Exchange takes 64 characters; supplements add a few, instance ids the key of an address.
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
RULE = "small letters, digits and hyphens, at most 40, no hyphen at the ends"


def is_batch_name(name: str) -> bool:
    """Whether a batch may be called this."""
    return NAME.fullmatch(name) is not None


def checked_batch_name(name: str) -> str:
    """The name, if a batch may be called this. Raises BadRequest."""
    if not is_batch_name(name):
        raise BadRequest(f"{name!r} is no batch name: {RULE}")
    return name
