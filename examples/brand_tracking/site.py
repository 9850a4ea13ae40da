"""A site that answers questions, from the pages in `site/`: python -m examples.brand_tracking.site [PORT]

`/answer?q=…` gives the page that has most in common with the question, 404 where none has anything.
"""

import sys
import threading
from contextlib import suppress
from functools import cache
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from examples.common.pages import read_page
from examples.common.show import in_words
from examples.common.site import Files, serving
from examples.common.text import likeness, vectors
from examples.news.fetch import Document

PAGES = Path(__file__).parent / "site"
PORT = 8900
_LEAST = 0.05  # likeness from which a page is an answer


class Answers(Files):
    """Turns a question into the path of a page."""

    def translate_path(self, path: str) -> str:
        parts = urlsplit(path)
        if parts.path != "/answer":
            return super().translate_path(path)
        question = parse_qs(parts.query).get("q", [""])[0]
        return str(best_page(question) or PAGES / "no-answer")


def best_page(question: str) -> Path | None:
    pages = _texts()
    asked, *known = vectors([question, *pages.values()])
    liking, best = max(zip((likeness(asked, each) for each in known), pages, strict=True))
    return best if liking >= _LEAST else None


@cache
def _texts() -> dict[Path, str]:
    pages = ((path, read_page(Document(path.read_bytes()))) for path in sorted(PAGES.glob("*.html")))
    return {path: f"{page.title}\n{page.text}" for path, page in pages}


def main(arguments: list[str]) -> int:
    port = int(arguments[0]) if arguments else PORT
    with serving(PAGES, Answers, port, only_there=True) as url, suppress(KeyboardInterrupt):
        print(f"{url}/answer?q=…   Ctrl-C ends it", flush=True)
        threading.Event().wait()
    return 0


if __name__ == "__main__":
    sys.exit(in_words(lambda: main(sys.argv[1:])))
