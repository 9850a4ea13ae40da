"""The static files, read once. Their address changes with what is in them, so browsers may keep them."""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    body: bytes
    zipped: bytes
    media_type: str


@cache
def assets() -> dict[str, Asset]:
    """By name."""
    found = {}
    for file in sorted(files("hourhand_admin.web").joinpath("static").iterdir(), key=lambda file: file.name):
        if kind := _TYPES.get(file.name.rpartition(".")[2]):
            body = file.read_bytes()
            found[file.name] = Asset(body, gzip.compress(body, mtime=0), f"{kind}; charset=utf-8")
    return found


@cache
def version() -> str:
    """One for all of them: modules import each other by their plain names."""
    digest = hashlib.sha256()
    for name, asset in assets().items():
        digest.update(f"{name}\0".encode() + asset.body)
    return digest.hexdigest()[:12]
