"""Lives that once broke a promise, written down so that they are lived again with every test run."""

import json
from pathlib import Path

from bascule.domain.codec import decode, encode
from sandbox.simulate.life import Life

KEPT = Path("tests/simulation/kept")


def write_down(life: Life, promise: str, folder: Path = KEPT) -> Path:
    """Write a life as a test case; the file's name says which promise it broke, and its seed."""
    words = "-".join(word for word in promise.lower().replace(",", "").split() if word.isalpha())
    path = folder / f"{words}-{life.seed}.json"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(encode(life), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def read_back(path: Path) -> Life:
    """The life of a test case."""
    return decode(Life, json.loads(path.read_text(encoding="utf-8")))
