"""Modified UTF-7, the alphabet of folder names on the wire. Source: RFC 3501 section 5.1.3."""

import base64


def encode_name(name: str) -> str:
    """A folder's name as it travels: ASCII only."""
    written: list[str] = []
    waiting = ""
    for letter in f"{name}\0":
        if letter != "\0" and not 0x20 <= ord(letter) <= 0x7E:
            waiting += letter
            continue
        if waiting:
            written.append(_shifted(waiting))
            waiting = ""
        written.append("&-" if letter == "&" else letter)
    return "".join(written[:-1])


def decode_name(wire: str) -> str:
    """A folder's name as people read it.

    Raises:
        ValueError: the wire form is not modified UTF-7.
    """
    head, *shifts = wire.split("&")
    read = [head]
    for shift in shifts:
        coded, dash, tail = shift.partition("-")
        if not dash:
            raise ValueError(f"a shift without an end in {wire!r}")
        read.append((_unshifted(coded) if coded else "&") + tail)
    return "".join(read)


def _shifted(text: str) -> str:
    coded = base64.b64encode(text.encode("utf-16-be")).decode("ascii")
    return "&" + coded.rstrip("=").replace("/", ",") + "-"


def _unshifted(coded: str) -> str:
    padded = coded.replace(",", "/") + "=" * (-len(coded) % 4)
    return base64.b64decode(padded, validate=True).decode("utf-16-be")
