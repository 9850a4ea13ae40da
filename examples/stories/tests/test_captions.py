from examples.stories.captions import spoken_text

CAPTIONS = """WEBVTT - a talk
Kind: captions

NOTE nobody says this

1
00:01.000 --> 00:02.000 align:start
<v Ines>Good <b>morning</b>

01:00:02.000 --> 01:00:03.000
Good morning

01:00:02.000 --> 01:00:04.000
and
welcome.
"""


def test_only_what_is_said_is_left_and_once() -> None:
    assert spoken_text(CAPTIONS) == "Good morning and welcome."
    assert spoken_text(CAPTIONS.replace("\n", "\r\n")) == "Good morning and welcome."


def test_what_is_no_captions_says_nothing() -> None:
    assert spoken_text("<html>not found</html>") == ""
