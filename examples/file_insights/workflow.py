"""The analysis of one file, from its path to insights: the API calls it as well as the task.

python -m examples.file_insights.workflow sales.csv "a bakery"
"""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from examples.common.language import language, model
from examples.common.show import counted
from examples.file_insights import findings
from examples.file_insights.columns import Column, profile, read_column
from examples.file_insights.documents import Table, Text, Unusable, read_document


@dataclass(frozen=True, slots=True)
class Insight:
    """`confidence` is from 0 to 1, with two digits."""

    kind: str
    content: dict[str, Any]
    confidence: float


def run_complete_workflow(path: Path, business_description: str = "") -> list[Insight]:
    """Analyse a CSV, Excel, JSON or text file.

    Raises Unusable with a reason, OSError when it can't be read now, and what the language model raises.
    """
    document = read_document(path)
    if isinstance(document, Text):
        return _of_text(document, business_description)
    return list(_of_table(document, business_description))


def _of_table(table: Table, about: str) -> Iterator[Insight]:
    columns = [read_column(name, cells) for name, cells in table.columns.items()]
    found = [*_anomalies(columns), *_trends(columns), *_relations(columns)]
    yield _profile(table, columns)
    yield from found
    sentences = [insight.content["says"] for insight in found]
    told = _told(table, columns, sentences)
    writer = model()
    says = writer.summary(f"{about}\n{told}") if writer else told
    yield Insight("summary", {"about": about, "says": says}, _mean(found))


def _profile(table: Table, columns: Sequence[Column]) -> Insight:
    facts = {
        "rows": table.rows,
        "duplicate_rows": findings.duplicates(columns),
        "columns": {column.name: profile(column) for column in columns},
    }
    warning = {"warning": table.warning} if table.warning else {}
    # A table with holes, or one that was decoded by guess, is understood less well.
    share = sum(column.filled for column in columns) / max(1, table.rows * len(columns))
    return Insight("profile", facts | warning, _score(share * (0.8 if table.warning else 1)))


def _anomalies(columns: Sequence[Column]) -> Iterator[Insight]:
    for column in columns:
        if outliers := findings.outliers(column):
            content = asdict(outliers) | {"says": outliers.sentence}
            yield Insight("anomaly", content, _score(findings.trust(len(column.values))))


def _trends(columns: Sequence[Column]) -> Iterator[Insight]:
    for trend in findings.trends(columns):
        content = asdict(trend) | {"says": trend.sentence}
        yield Insight("trend", content, _score(trend.fit * findings.trust(trend.points)))


def _relations(columns: Sequence[Column]) -> Iterator[Insight]:
    for relation in findings.relations(columns):
        content = asdict(relation) | {"says": relation.sentence}
        yield Insight(
            "relation", content, _score(abs(relation.correlation) * findings.trust(relation.points))
        )


def _of_text(document: Text, about: str) -> list[Insight]:
    facts: dict[str, Any] = findings.words(document.text)
    if document.warning:
        facts["warning"] = document.warning
    return [
        Insight("profile", facts, 0.8 if document.warning else 1.0),
        Insight("summary", {"about": about, "says": language().summary(document.text)}, 0.5),
    ]


def _told(table: Table, columns: Sequence[Column], sentences: Sequence[str]) -> str:
    kinds = ", ".join(f"{column.name} ({column.kind})" for column in columns[:8])
    more = ", …" if len(columns) > 8 else ""
    opening = f"{counted(table.rows, 'row')} of {kinds}{more}."
    return " ".join([opening, *(sentences[:5] or ["Nothing in it stands out."])])


def _mean(insights: Sequence[Insight]) -> float:
    return _score(sum(insight.confidence for insight in insights) / len(insights)) if insights else 0.5


def _score(value: float) -> float:
    return round(min(max(value, 0.0), 1.0), 2)


if __name__ == "__main__":
    try:
        for insight in run_complete_workflow(Path(sys.argv[1]), " ".join(sys.argv[2:])):
            print(json.dumps(asdict(insight), ensure_ascii=False, indent=2))
    except (Unusable, OSError, IndexError) as error:
        sys.exit(f"Error: {error}" if sys.argv[1:] else str(__doc__))
