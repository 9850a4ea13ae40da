"""Cursors: where a list goes on. They look like nothing, so that nobody makes one up."""

import base64
import binascii

from fastapi import HTTPException


def cursor(last: object) -> str | None:
    """None where there is no more."""
    return base64.urlsafe_b64encode(str(last).encode()).decode() if last is not None else None


def after(cursor: str | None) -> str | None:
    """Where a cursor goes on. Raises HTTPException 422."""
    if cursor is None:
        return None
    try:
        text = base64.urlsafe_b64decode(cursor.encode()).decode()
    except (ValueError, binascii.Error):
        text = "\0"
    if "\0" in text:
        raise HTTPException(422, "The cursor is not one of ours: send `next` of the page before.")
    return text


def after_number(cursor: str | None) -> int | None:
    text = after(cursor)
    if text is not None and not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise HTTPException(422, "The cursor is not one of this list.")
    return None if text is None else int(text)
