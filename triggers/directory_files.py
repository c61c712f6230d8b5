"""The five files in the body of a request: `{"files": {"groups.csv": base64, ...}}`."""

import base64
import binascii

import azure.functions as func

from bascule.domain.batch_encoding import FILE_SIZE_MAX_BYTES
from bascule.domain.directory_objects.tables import FILES
from triggers.answers import BadRequest
from triggers.wishes_asked import object_in

# Five full files in base64, which makes four characters of three bytes.
BODY_SIZE_MAX_BYTES = len(FILES) * FILE_SIZE_MAX_BYTES * 4 // 3 + 4_096


def files_in(request: func.HttpRequest) -> dict[str, bytes]:
    """{file name: content}. Raises BadRequest with every mistake of the envelope."""
    files = object_in(request.get_body(), BODY_SIZE_MAX_BYTES).get("files")
    if not isinstance(files, dict) or not files:
        raise BadRequest(f"files: give an object with some of {', '.join(FILES)}")
    mistakes = [
        f"files: {name!r} is none of {', '.join(FILES)}" for name in set(files) - set(FILES)
    ]
    found: dict[str, bytes] = {}
    for name in FILES:
        if name in files:
            try:
                found[name] = base64.b64decode(files[name], validate=True)
            except (binascii.Error, TypeError, ValueError):
                mistakes.append(f"files: {name} is not base64")
    if mistakes:
        raise BadRequest(*mistakes)
    return found
