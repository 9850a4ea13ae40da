"""The tasks: `scrape-company` for each company that is due → `match-jobs` → `save-results` for each user.

Each has a queue of its own, so that each can have workers, and a log, of its own.
"""

import math
from typing import Annotated, TypedDict
from urllib.parse import urlsplit

from pydantic import Field

from examples.common.database import connect
from examples.common.language import model
from examples.common.pages import decode, get
from examples.common.settings import setting
from examples.company_watch import robots, store
from examples.company_watch.matching import ANY, GOOD_ENOUGH, Match, Wish, suits
from examples.company_watch.postings import Listing, Posting, read_listing
from examples.company_watch.status import report
from hourhand import Discard, RetryPolicy, Run, Snooze, task

COMPANIES_AT_ONCE = 5  # over all workers
MOST_PAGES = 5  # of one company
LONGEST_WAIT = 10.0  # seconds before the first page; for longer a run gives its place to others
QUEUES = ("scrape", "match", "results")


class Scraped(TypedDict):
    found: int
    new: int
    gone: int


@task(
    "scrape-company",
    queue="scrape",
    max_attempts=3,
    timeout=300,
    concurrency=COMPANIES_AT_ONCE,
    retry=RetryPolicy(first=5, factor=6),
)
def scrape_company(run: Run, item: str, rank: Annotated[int, Field(ge=1, le=100)] = 50) -> Scraped:
    """Read the job pages of one company, politely, and store what they list."""
    with connect() as db:
        url = store.careers_url(db, item)
    if url is None:
        raise Discard(f"no company is called {item}: add it, or `hourhand fleet remove company-watch {item}`")
    found = _listed(run, url)
    with connect() as db:
        new, gone = store.save_postings(db, item, found)
    run.enqueue(match_jobs, {"company": item}, key=f"after {run.id}")
    run.log.info("{} (rank {}): {} jobs, {} new, {} gone", item, rank, len(found), new, gone)
    return {"found": len(found), "new": new, "gone": gone}


@task("match-jobs", queue="match", max_attempts=3, timeout=600, retry=RetryPolicy(first=5, factor=6))
def match_jobs(run: Run, company: str) -> dict[str, int]:
    """Compare what a company lists with what those who watch it look for."""
    with connect() as db:
        offers, watchers = store.open_offers(db, company), store.watchers(db, company)
    count = 0
    for user_id, wish in watchers:
        matches = [match for offer in offers if (match := _match(offer, wish))]
        count += len(matches)
        if matches:
            run.enqueue(save_results, {"user_id": user_id, "matches": matches}, key=f"{run.id} for {user_id}")
    run.log.info("{}: {} matches for {} users", company, count, len(watchers))
    return {"offers": len(offers), "users": len(watchers), "matches": count}


@task("save-results", queue="results", max_attempts=3, timeout=60)
def save_results(run: Run, user_id: int, matches: list[Match]) -> dict[str, int]:
    with connect() as db:
        new = store.save_matches(db, user_id, matches)
    run.log.info("user {}: {} saved, {} new", user_id, len(matches), new)
    return {"saved": len(matches), "new": new}


@task("report-status", queue="results", max_attempts=2, timeout=60)
def report_status(run: Run) -> None:
    with connect() as db:
        for line in report(db):
            run.log.info("{}", line)


def delay() -> float:
    """Seconds between two requests to one host (COMPANY_WATCH_DELAY)."""
    return float(setting("COMPANY_WATCH_DELAY", "2"))


def _match(offer: store.Offer, wish: Wish) -> Match | None:
    """By the words; a language model, where one is configured, judges what has any of them."""
    judge, posting = model(), offer.posting
    if judge is None:
        return suits(offer.id, posting, wish)
    if suits(offer.id, posting, wish, least=ANY) is None:
        return None
    wanted = f"{', '.join(wish.words)}; in {' or '.join(wish.places) or 'any place'}"
    score, why = judge.fitness(wanted, f"{posting.title}\n{posting.place}\n{posting.text}")
    return Match(offer.id, round(score, 2), f"{why} ({judge.name})") if score >= GOOD_ENOUGH else None


def _listed(run: Run, url: str) -> list[Posting]:
    """What all pages list. A page without jobs is worth a word: it may have been rebuilt."""
    found: dict[str, Posting] = {}
    page: str | None = url
    for number in range(MOST_PAGES):
        if page is None:
            break
        # A run that is put off begins again: once it has read something, it waits in its place.
        listing = _page(run, page, patience=math.inf if number else LONGEST_WAIT)
        found |= {posting.url: posting for posting in listing.postings}
        page = listing.next_url
        if listing.warning:
            run.log.warning("{}: {}", url, listing.warning)
    if not found:
        run.log.warning("{} lists no jobs: nobody is wanted, or the page has been rebuilt", url)
    return list(found.values())


def _page(run: Run, url: str, patience: float) -> Listing:
    rules = _rules(run, url, patience)
    if not rules.allow(url):
        raise Discard(f"{robots.address(url)} asks programs not to read {url}")
    _wait_for_turn(run, url, max(delay(), rules.delay), patience)
    document = get(url)
    html = decode(document.body, document.content_type)
    if not html.strip():
        raise Discard(f"{url} is empty: is the address of its job page still right?")
    return read_listing(html, document.url or url)


def _rules(run: Run, url: str, patience: float) -> robots.Rules:
    """What the site asks, read once a day by all workers. Raises Retry while it can't say."""
    place = robots.address(url)
    with connect() as db:
        known = store.known_robots(db, place)
    if known is None:
        _wait_for_turn(run, url, delay(), patience)
        known = _robots(place)
        with connect() as db:
            store.save_robots(db, place, known)
    return robots.rules(known)


def _robots(place: str) -> str:
    try:
        document = get(place)
    except Discard:  # there is none, and then all may be read
        return ""
    return decode(document.body, document.content_type)


def _wait_for_turn(run: Run, url: str, seconds: float, patience: float) -> None:
    with connect() as db:
        wait = store.take_turn(db, urlsplit(url).netloc, seconds)
        if wait > patience:
            raise Snooze(wait)  # from within, so that the turn is not taken: nobody would use it
    run.wait(wait)
