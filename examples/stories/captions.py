"""WebVTT captions (W3C, 2019) as text."""

import re

_TIMING = re.compile(r"(?:\d+:)?\d\d:\d\d\.\d{3} --> ")
_MARKUP = re.compile(r"<[^>]*>")


def spoken_text(captions: str) -> str:
    """What is said, as one paragraph: no timings, settings, notes or repeated lines."""
    blocks = re.split(r"\n\s*\n", captions.replace("\r\n", "\n"))
    cues = (cue for block in blocks if (cue := _cue(block)))
    return " ".join(dict.fromkeys(cues))


def _cue(block: str) -> str:
    lines = block.strip().split("\n")
    start = next((index for index, line in enumerate(lines) if _TIMING.match(line)), None)
    return "" if start is None else " ".join(_MARKUP.sub("", line).strip() for line in lines[start + 1 :])
