"""What a site asks of programs that read it: its robots.txt (RFC 9309). Pure functions."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit
from urllib.robotparser import RobotFileParser

from examples.news.fetch import user_agent

LONGEST_DELAY = 60.0  # seconds: as far as a Crawl-delay is followed


@dataclass(frozen=True, slots=True)
class Rules:
    parser: RobotFileParser
    agent: str

    def allow(self, url: str) -> bool:
        return self.parser.can_fetch(self.agent, url)

    @property
    def delay(self) -> float:
        """Seconds that the site wants between two requests, within bounds."""
        return min(float(self.parser.crawl_delay(self.agent) or 0), LONGEST_DELAY)


def rules(text: str) -> Rules:
    """What a robots.txt asks of us; an empty one asks nothing."""
    parser = RobotFileParser()
    parser.parse(_readable(text.splitlines()))
    return Rules(parser, user_agent())


def address(url: str) -> str:
    """Where the site of a page says its rules."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/robots.txt"


def _readable(lines: Iterable[str]) -> Iterable[str]:
    """Leave out the lines at which the parser gives up, so that the others still count."""
    for line in lines:
        try:
            RobotFileParser().parse(["User-agent: *", line])
        except ValueError:
            continue
        yield line
