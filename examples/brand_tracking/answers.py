"""Where answers come from: a language model when one is configured, else a site that answers questions.

BRAND_TRACKING_SITE is the address of the site; `python -m examples.brand_tracking.site` serves the one of the
example.
"""

from collections.abc import Callable
from urllib.parse import quote

from examples.common.language import model
from examples.common.pages import get, read_page
from examples.common.settings import setting
from hourhand import Discard


def source_of_answers() -> tuple[str, Callable[[str], str]]:
    """Who answers, and how to ask. Asking raises Retry for what may pass and Discard for what will not."""
    if told := model():
        return told.name, told.answer
    site = setting("BRAND_TRACKING_SITE")
    if not site:
        raise Discard(
            "nobody is there to ask: set OPENAI_API_KEY or GEMINI_API_KEY for a language model, or "
            "BRAND_TRACKING_SITE for a site (python -m examples.brand_tracking.site serves one)"
        )
    return site, lambda query: _ask(site, query)


def _ask(site: str, query: str) -> str:
    text = read_page(get(f"{site}/answer?q={quote(query)}")).text
    if not text:
        raise Discard(f"{site} gave an empty answer to {query!r}")
    return text
