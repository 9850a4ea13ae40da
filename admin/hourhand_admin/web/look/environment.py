"""Templates, and the words, times and pictures they use."""

import json
from functools import cache
from importlib.metadata import version
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from hourhand_admin.web.look import assets, charts, times, words
from hourhand_admin.web.look.navigation import navigation


def render(template: str, /, **context: Any) -> str:
    visit = context["visit"]
    clock = visit.clock(context.get("now"))
    return environment().get_template(template).render(clock=clock, **context)


@cache
def environment() -> Environment:
    made = Environment(
        loader=PackageLoader("hourhand_admin.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        cache_size=-1,
        auto_reload=False,
    )
    made.filters |= {
        "time": _time,
        "ago": _ago,
        "duration": times.duration,
        "milliseconds": times.milliseconds,
        "json": _json,
        "number": _number,
        "timing": words.timing,
        "prose": words.prose,
        "segment": _segment,
    }
    made.globals |= {
        "static": _static,
        "navigation": navigation,
        "between": times.between,
        "bars": charts.bars,
        "strip": charts.strip,
        "words": words,
        "version": version("hourhand"),
    }
    return made


@pass_context
def _time(context: Context, at: object, schedule_zone: str | None = None) -> str:
    text: str = context["clock"].time(at, schedule_zone)
    return text


@pass_context
def _ago(context: Context, at: object) -> str:
    text: str = context["clock"].ago(at)
    return text


@pass_context
def _static(context: Context, name: str) -> str:
    text: str = context["visit"].url(f"/static/{assets.version()}/{name}")
    return text


def _segment(text: object) -> str:
    """A text as one part of a path."""
    return quote(str(text), safe="")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _number(value: object) -> str:
    return f"{value:,}".replace(",", "\u202f") if isinstance(value, int | float) else str(value)
