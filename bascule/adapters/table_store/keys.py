"""Any text as a key of a table, and back."""

from urllib.parse import quote, unquote

# Letters, digits and `_.-~` stay by themselves. `/ \\ # ?` and control characters are forbidden in keys, and `%` is
# known for trouble in URLs. Source: "Understanding the Table service data model", Microsoft Learn.
_KEPT = "@'!^"


def key_of(text: str) -> str:
    """A text as a partition or row key; different texts never share one."""
    return quote(text, safe=_KEPT).replace("%", "=")


def text_of(key: str) -> str:
    """The text a key was made from."""
    return unquote(key.replace("=", "%"))
