"""The file: every section in one HTML page that asks no network for anything."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from python_models.engine_connection import Connection
from python_models.report import changes, judging, lists, overview, progress, samples, tags
from python_models.report.sample_map import sample_map
from python_models.report.section import Section
from python_models.report.tables import MissingTableError, Tables
from python_models.terminal import UserError
from python_models.whole_file import whole_file

_TEMPLATES = Path(__file__).parent / "templates"
_SECTIONS: Sequence[tuple[str, str, Callable[[Tables], Section]]] = (
    ("overview", "What was chosen", overview.overview),
    ("verdict", "Can it be trusted?", overview.verdict),
    ("waterfall", "Normalization, step by step", tags.waterfall),
    ("quality", "How good the tags are", lists.quality),
    ("frequencies", "How often tags are", tags.frequencies),
    ("map", "A map of the samples", sample_map),
    ("clusters", "Clusters", lists.clusters),
    ("coherence", "Do clusters hold together?", lists.coherence),
    ("scores", "Scores of kept and dropped samples", judging.scores),
    ("orders", "The same pair in both orders", judging.orders),
    ("reliability", "Reliability of the judge", lists.reliability),
    ("lengths", "Length against score", judging.lengths),
    ("spend", "What it cost", lists.spend),
    ("progress", "What judging gained, by dollars", progress.progress),
    ("comparison", "Simpler ways to choose", lists.comparison),
    ("changes", "What entered and left", changes.changes),
    ("samples", "Kept and narrowly dropped", samples.samples),
)


class ReportError(UserError, RuntimeError):
    """The report cannot be written: says the file and why."""


def write_report(connection: Connection, path: Path, environment: str = "prod") -> None:
    """Write the report of an environment; a file that is there is replaced as a whole, or left as it is.

    Raises:
        ReportError: the file cannot be written.
    """
    text = render(sections(Tables(connection, environment)), environment)
    try:
        with whole_file(path) as partial:
            partial.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise ReportError(f"The report cannot be written to {path}: {error.strerror}. Name another file.") from error


def sections(tables: Tables) -> list[Section]:
    """Every section, in the order of the page; one whose table the environment lacks is a sentence that says so."""
    found = []
    for name, title, section in _SECTIONS:
        try:
            found.append(section(tables))
        except MissingTableError as error:
            found.append(Section(name, title, (f"There is no table {error} in this environment.",)))
    return found


def render(page: Sequence[Section], environment: str) -> str:
    """The page as HTML: text is escaped by the template, data by ``script_json``, scripts are known by their digest."""
    plots = {plot.name: {"traces": plot.traces, "layout": plot.layout} for section in page for plot in section.plots}
    scripts = [get_plotlyjs(), (_TEMPLATES / "report.js").read_text(encoding="utf-8")]
    templates = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return templates.get_template("report.html").render(
        environment=environment,
        sections=page,
        policy=_policy(scripts),
        style=Markup((_TEMPLATES / "report.css").read_text(encoding="utf-8")),  # noqa: S704
        scripts=[Markup(script) for script in scripts],  # noqa: S704
        data=Markup(script_json(plots)),  # noqa: S704
    )


def script_json(value: object) -> str:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _policy(scripts: Sequence[str]) -> str:
    """A Content-Security-Policy: these scripts and no other, no network. The plots need styles of their own."""
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )
