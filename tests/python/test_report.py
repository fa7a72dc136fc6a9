"""The report in a real browser: it draws its plots, asks for nothing, and shows hostile samples as text."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest
from browser import CHROMIUM, DRIVER, Browser, open_browser
from report_tables import make_tables
from sqlmesh import Context

from python_models.report import lists
from python_models.report.page import ReportError, script_json, sections, write_report
from python_models.report.progress import progress
from python_models.report.section import label
from python_models.report.tables import Tables
from python_models.report.tags import waterfall

HOSTILE = (
    "<script>window.pwned = 1</script>",
    "</script><script>window.pwned = 2</script>",
    "</style><img src=x onerror='window.pwned = 3'>",
    '<a href="javascript:window.pwned = 4">click</a>',
    "<svg onload=window.pwned=5><!-- --> {{ 7 * 7 }} %{x} &lt;b&gt;",
    "\u202ereversed \x1b[31m \u2028 \x00",
    "W" * 3_000,
)
PLOTS = {"waterfall", "frequencies", "map", "scores", "orders", "lengths", "spend", "progress"}
needs_browser = pytest.mark.skipif(
    CHROMIUM is None or DRIVER is None, reason="needs Debian's packages chromium and chromium-driver"
)
pytestmark = [pytest.mark.long, pytest.mark.xdist_group("browser")]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    path = tmp_path_factory.mktemp("report") / "warehouse.duckdb"
    make_tables(path, 200)
    with duckdb.connect(str(path)) as connection:
        for i, text in enumerate(HOSTILE):
            connection.execute(
                "UPDATE tacos.samples SET instruction = ?, response = ? WHERE i % 7 = ?", [text, text, i]
            )
            connection.execute("UPDATE tacos.cluster_labels SET label = ? WHERE cluster_id = ?", [text, i])
        connection.execute("UPDATE tacos.llm_spend SET model_name = ? WHERE stage = 'judging'", [HOSTILE[2]])
        connection.execute("UPDATE tacos.pair_replies SET model_name = ?", [HOSTILE[1]])
        connection.execute(
            "UPDATE tacos_internal.judging_progress SET model_name = ? WHERE judging_round = 1", [HOSTILE[0]]
        )
        connection.execute("UPDATE tacos.normalization_waterfall SET step = ? WHERE step_no = 2", [HOSTILE[3]])
        yield connection


@pytest.fixture(scope="module")
def report(warehouse: duckdb.DuckDBPyConnection, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_report(warehouse, path)
    return path


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with open_browser(tmp_path_factory.mktemp("browser")) as opened:
        opened.open(Path("/dev/null"))
        opened.messages(), opened.requests()  # those of the browser's first page
        yield opened


@needs_browser
@pytest.mark.parametrize(("width", "is_dark"), [(1280, False), (1280, True), (390, False), (390, True)])
def test_the_page_is_whole_silent_and_inert(browser: Browser, report: Path, width: int, is_dark: bool) -> None:
    browser.open(report, width=width, is_dark=is_dark)
    browser.run("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    drawn = browser.run(
        "return [...document.querySelectorAll('[data-plot]')].filter(one => one.querySelector('.point, .trace path'))"
        ".map(one => one.dataset.plot)"
    )
    assert set(drawn) == PLOTS
    assert browser.run("return document.documentElement.scrollWidth") <= width, "the page scrolls sideways"
    assert browser.run("return window.pwned ?? null") is None
    assert browser.run("return document.querySelectorAll('main img, main a[href], [onload], [onerror]').length") == 0
    for text in HOSTILE[:5]:
        assert text in browser.run("return document.querySelector('#samples').textContent")
    assert browser.messages() == []
    assert browser.requests() == [report.as_uri()]


@needs_browser
def test_foreign_text_of_a_plot_is_text(browser: Browser, report: Path) -> None:
    """plotly.js reads tags in its texts: the label of a cluster in the box under the pointer must come out as it is."""
    browser.open(report)
    shown = browser.run("""
      const map = document.getElementById('plot-map'), texts = [];
      const hover = async i => {
        const id = map.data[1].text[i].split('<br>').pop();
        while (!map.querySelector('.hoverlayer').textContent.includes(id)) {
          Plotly.Fx.hover(map, [{curveNumber: 1, pointNumber: i}]);
          await new Promise(requestAnimationFrame);
        }
      };
      return (async () => {
        for (let i = 0; i < 25; i++) { await hover(i); texts.push(map.querySelector('.hoverlayer').textContent); }
        return texts.join('|');
      })();
    """)
    assert "<script>window.pwned = 1</script>" in shown
    assert browser.run("return document.querySelectorAll('.hoverlayer a').length") == 0
    buttons = browser.run("return [...document.querySelectorAll('.modebar-btn')].map(one => one.dataset.title)")
    assert buttons
    assert not any(word in title for title in buttons for word in ("Cloud", "Share", "link"))


@needs_browser
def test_the_policy_lets_no_other_script_and_no_request_through(browser: Browser, report: Path) -> None:
    browser.open(report)
    browser.run(
        "const script = document.createElement('script'); script.textContent = 'window.pwned = 6';"
        "document.body.append(script); document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=1>');"
    )
    browser.run("return fetch('http://127.0.0.1:9/').catch(() => null)")
    assert browser.run("return window.pwned ?? null") is None
    assert sum("Content Security Policy" in message for message in browser.messages()) >= 3
    assert not any(address.startswith("http") for address in browser.requests())


@needs_browser
def test_search_finds_samples_by_their_text(browser: Browser, report: Path) -> None:
    browser.open(report)
    browser.run(
        "const search = document.getElementById('search'); search.value = 'REVERSED';"
        "search.dispatchEvent(new Event('input'));"
    )
    shown = browser.run("return [...document.querySelectorAll('.sample:not([hidden])')].map(one => one.textContent)")
    assert 0 < len(shown) < 40
    assert all("reversed" in text for text in shown)
    assert browser.run("return document.getElementById('found').textContent") == f"{len(shown)} of 40 samples"


@needs_browser
@pytest.mark.parametrize("is_dark", [False, True])
def test_a_screen_reader_finds_names_and_eyes_find_contrast(browser: Browser, report: Path, is_dark: bool) -> None:
    browser.open(report, is_dark=is_dark)
    levels = browser.run("return [...document.querySelectorAll('h1,h2,h3,h4')].map(one => +one.tagName[1])")
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert browser.run(
        "return [...document.querySelectorAll('[role=img], [role=region], nav')].every(one => one.ariaLabel.length > 7)"
    )
    contrast = browser.run("""
      const light = (text) => { const canvas = document.createElement('canvas').getContext('2d');
        canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1);
        const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map(v => v / 255)
          .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
        return .2126 * r + .7152 * g + .0722 * b; };
      const style = getComputedStyle(document.documentElement), of = name => light(style.getPropertyValue(name).trim());
      const ratio = (a, b) => (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
      return ['--ink', '--soft', '--link', '--good', '--bad'].flatMap(
        name => ['--paper', '--card'].map(ground => ratio(of(name), of(ground))));
    """)
    assert min(contrast) >= 4.5  # WCAG 2.2, AA


def test_a_table_that_is_not_there_or_empty_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        assert {section.facts[0].startswith("There is no table") for section in sections(Tables(connection))} == {True}
    make_tables(path, 10)
    with duckdb.connect(str(path)) as connection:
        names = connection.execute(
            "SELECT table_schema || '.' || table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE'"
        ).fetchall()
        for (name,) in names:
            connection.execute(f"DELETE FROM {name}")
        for section in sections(Tables(connection)):
            assert section.facts, section.name
            assert not section.plots, section.name
        write_report(connection, tmp_path / "report.html")


def test_tables_are_shown_as_one_reads_them(tmp_path: Path) -> None:
    """Judges side by side, a line per measure; shares in percent; the selection first, then what is nearest to it."""
    make_tables(tmp_path / "warehouse.duckdb", 200)
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        shown = [lists.reliability(Tables(connection)), lists.quality(Tables(connection))]
        (judges, measures), compared = (section.grids[0] for section in shown), lists.comparison(Tables(connection))
    assert list(judges.columns) == ["measure", "final judge", "judge"]
    assert [[one.text for one in row] for row in judges.rows][:2] == [
        ["pairs", "40", "40"],
        ["flip rate", "0.125", "0.125"],
    ]
    texts = [[one.text for one in row] for row in measures.rows]
    assert [row[:3] for row in texts] == [
        ["empty share", "10%", "–"],
        ["raw tag precision", "90%", "82% to 95%"],
        ["raw tag entropy", "6.5 bits", "–"],
    ]
    assert [row[0].text for row in compared.grids[0].rows] == ["selected", "longest_response", "random"]
    assert compared.facts == ("Of the 50 with the longest response in their cluster, 25 are kept.",)


def test_rules_that_join_nothing_are_told_of(tmp_path: Path) -> None:
    make_tables(tmp_path / "warehouse.duckdb", 200)
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        assert "No rule joined any" not in waterfall(Tables(connection)).facts[0]
        connection.execute("UPDATE tacos.normalization_waterfall SET n_tags = 200 WHERE step <> 'frequency'")
        assert "No rule joined any" in waterfall(Tables(connection)).facts[0]


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        ("cost_usd_so_far = 0, cost_usd = 0", "After round 1, by judge, for 100 calls: 58% of the final gain; 50% of"),
        ("cost_usd_so_far = 0, model_name = 'judge'", "Judging cost nothing, and one judge made all rounds"),
        ("cost_usd_so_far = NULL", "After round 1, by judge, for 100 calls: 58% of"),
        ("model_name = 'one'", "After round 1, by one, for $0.0111 and 100 calls: 58% of"),
        ("gain_share = NULL", "All that compete are kept, or score alike"),
    ],
)
def test_what_judging_gained_is_told_where_it_cost_or_two_judged(tmp_path: Path, change: str, fact: str) -> None:
    make_tables(tmp_path / "warehouse.duckdb", 200)
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute(f"UPDATE tacos_internal.judging_progress SET {change} WHERE judging_round > 0")
        found = progress(Tables(connection))
    assert found.facts[0].startswith(fact)
    assert all(one.text[:1] == "$" for grid in found.grids for one in grid.rows[0][4:6])
    assert len(found.plots) == len(found.grids) == fact.startswith("After")


def test_the_generated_tables_are_those_of_the_project(warehouse: duckdb.DuckDBPyConnection, project: Context) -> None:
    """What these tests and the benchmark read has no column that the models do not have."""
    columns = warehouse.execute(
        "SELECT table_schema || '.' || table_name, column_name FROM information_schema.columns "
        "WHERE table_schema IN ('tacos', 'tacos_internal') AND column_name <> 'i'"
    ).fetchall()
    assert columns
    for table, column in columns:
        assert column in project.get_model(table).columns_to_types, f"{table}.{column}"


def test_an_environment_shows_its_own_tables_and_those_of_production(warehouse: duckdb.DuckDBPyConnection) -> None:
    warehouse.execute(
        "CREATE SCHEMA tacos_internal__dev; CREATE VIEW tacos_internal__dev.selection_counts AS SELECT 7 AS n"
    )
    dev = Tables(warehouse, "dev")
    assert dev.rows("SELECT * FROM {selection_counts}") == [{"n": 7}]
    assert dev.rows("SELECT COUNT(*) AS n FROM {samples}") == [{"n": 200}]
    assert len(Tables(warehouse).rows("SELECT * FROM {selection_counts}")[0]) > 1


def test_a_report_that_cannot_be_written_leaves_the_old_one(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    with pytest.raises(ReportError, match=r"cannot be written to .*nowhere"):
        write_report(warehouse, tmp_path / "nowhere" / "report.html")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ReportError, match="Is a directory"):
        write_report(warehouse, tmp_path / "folder")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize("text", HOSTILE)
def test_data_cannot_end_its_script_and_a_label_has_no_tag(text: str) -> None:
    assert not {"<", ">", "&"} & set(script_json({text: text}))
    assert json.loads(script_json({text: text})) == {text: text}
    assert not {"<", ">", "\n", "\x1b"} & set(label(text + "\n"))
    assert len(html.unescape(label(text))) <= 90
