import json

from examples.company_watch.matching import Wish, suits
from examples.company_watch.postings import Posting, read_listing

BASE = "https://a.example/work/"


def data(value: object) -> str:
    return f'<script type="application/ld+json">{json.dumps(value)}</script>'


def test_what_a_page_says_of_its_jobs_counts_more_than_its_links() -> None:
    job = {
        "@type": "JobPosting",
        "title": "Cook &amp; baker",
        "url": "/jobs/1#apply",
        "description": "<p>Bread.</p>",
        "jobLocation": [{"address": {"addressLocality": "Here"}}, {"address": "There"}],
        "jobLocationType": "TELECOMMUTE",
    }
    page = data({"@graph": [job, {"@type": "Organization"}]}) + '<a href="/jobs/2">Driver</a>'
    (posting,) = read_listing(page, BASE).postings
    assert posting == Posting("https://a.example/jobs/1", "Cook & baker", "Here, There, remote", "Bread.")


def test_without_that_the_links_that_look_like_jobs_are_taken_once() -> None:
    page = """<a href="/about">About</a> <a href="/jobs/">All jobs</a> <a href="/jobs/7"></a>
        <a href="/jobs/7">Night <b>watch</b></a> <a href="/jobs/7#apply">Apply</a>
        <a rel="next" href="?p=2">More</a>"""
    listing = read_listing(page, BASE)
    assert [(each.url, each.title) for each in listing.postings] == [
        ("https://a.example/jobs/7", "Night watch")
    ]
    assert listing.next_url == "https://a.example/work/?p=2"


def test_a_damaged_description_is_a_warning_and_the_links_are_taken() -> None:
    listing = read_listing(
        '<script type="application/ld+json">{"@type": </script><a href="/jobs/7">Watch</a><![x', BASE
    )
    assert [each.title for each in listing.postings] == ["Watch"]
    assert listing.warning is not None


def test_a_posting_suits_by_the_words_of_its_title_and_text_and_by_its_place() -> None:
    posting = Posting("u", "Data engineering", "North Harbour", "You like Postgres.")
    wish = Wish(("data", "engineer", "postgres"), ("harbour",))
    match = suits(1, posting, wish)
    assert match is not None
    assert (match.score, match.reason) == (0.83, "has data, engineer, postgres")
    elsewhere = suits(1, posting, Wish(wish.words, ("valley",)))
    assert elsewhere is not None
    assert (elsewhere.score, elsewhere.reason) == (0.42, f"{match.reason}, but is in North Harbour")
    assert suits(1, posting, Wish(("gardener",))) is None


def test_a_place_may_be_in_the_title_or_nowhere() -> None:
    remote, silent = Posting("u", "Data engineer (remote)"), Posting("u", "Data engineer")
    wish = Wish(("data", "engineer"), ("Remote",))
    found = [suits(1, posting, wish) for posting in (remote, silent)]
    assert [(match.score, match.reason) for match in found if match] == [
        (1.0, "has data, engineer"),
        (0.5, "has data, engineer, but does not say where"),
    ]
