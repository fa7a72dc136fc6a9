"""``tacos cache``: what the cache of paid replies holds, and how to carry it to another machine."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from python_models.terminal import cell, count, shown_line

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from python_models.llm.cache.rows import Usage
    from python_models.llm.cache.transfer import Transferred
    from python_models.llm.spending.prices import Price


def add_parser(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of ``tacos``."""
    parser = commands.add_parser(
        "cache",
        help="statistics, export and import of the cache of paid replies",
        description="The response cache (TACOS_CACHE) holds every reply that was paid for. With it, everything else "
        "is rebuilt without a paid call, here or, exported and imported, on another machine.",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    stats = actions.add_parser("stats", help="calls, tokens and cost per stage and model")
    stats.set_defaults(run=show_stats)
    export = actions.add_parser("export", help="write everything to a JSONL file (compressed if it ends in .gz)")
    export.add_argument("path", type=Path)
    export.set_defaults(run=export_file)
    load = actions.add_parser(
        "import",
        help="add what exported files hold, all of a file or nothing; what is there already stays",
        description="Add what exported files hold. Their replies answer for the models from then on: import only "
        "files of someone whom you trust. `tacos cache drop-imported` takes them out again.",
    )
    load.add_argument("paths", type=Path, nargs="+", metavar="path")
    load.set_defaults(run=import_file)
    undo = actions.add_parser("drop-imported", help="take out everything that was imported")
    undo.set_defaults(run=drop_imported_rows)
    mend = actions.add_parser("drop-damaged", help="take out what does not match its checksum, to ask for it again")
    mend.set_defaults(run=drop_damaged_rows)
    forget = actions.add_parser(
        "give-up-batch", help="wait no more for a batch that the endpoint does not know any more"
    )
    forget.add_argument("batch_id")
    forget.set_defaults(run=give_up)


def show_stats(_: argparse.Namespace) -> int:
    """Print calls, tokens and cost per stage and model; also beside a run."""
    from python_models.llm.cache.response_cache import ResponseCache
    from python_models.settings import cache_path

    path = cache_path()
    with ResponseCache(path, read_only=True) as cache:
        usage = cache.usage()
    console = Console()
    size = path.stat().st_size / 2**20
    console.print(f"{shown_line(path)}, {size:,.1f} MiB", highlight=False, markup=False, soft_wrap=True)
    console.print(_stats_table(usage))
    return 0


def export_file(options: argparse.Namespace) -> int:
    """Write the cache to a file."""
    from python_models.llm.cache.response_cache import ResponseCache
    from python_models.llm.cache.transfer import export_cache
    from python_models.settings import cache_path

    with ResponseCache(cache_path(), read_only=True) as cache:
        done = export_cache(cache, options.path)
    print(f"{_counted(done)} written to {shown_line(options.path)}.")
    return 0


def import_file(options: argparse.Namespace) -> int:
    """Add files to the cache, one after the other."""
    from python_models.llm.cache.response_cache import ResponseCache
    from python_models.llm.cache.transfer import import_cache
    from python_models.settings import cache_path

    with ResponseCache(cache_path()) as cache:
        for path in options.paths:
            done = import_cache(cache, path)
            print(f"New from {shown_line(path)}: {_counted(done)}.")
    return 0


def drop_imported_rows(_: argparse.Namespace) -> int:
    """Take out everything that was imported."""
    from python_models.llm.cache.upkeep import drop_imported
    from python_models.settings import cache_path

    done = drop_imported(cache_path())
    print(f"{done.n_replies:,} imported replies and {done.n_computed:,} imported computed values were taken out.")
    return 0


def drop_damaged_rows(_: argparse.Namespace) -> int:
    """Take out every row that does not match its checksum."""
    from python_models.llm.cache.upkeep import drop_damaged
    from python_models.settings import cache_path

    done = drop_damaged(cache_path())
    print(f"{done.n_replies:,} damaged replies and {done.n_computed:,} damaged computed values were taken out.")
    return 0


def give_up(options: argparse.Namespace) -> int:
    """Wait no more for a batch."""
    from python_models.llm.cache.upkeep import give_up_batch
    from python_models.settings import cache_path

    n_requests = give_up_batch(cache_path(), options.batch_id)
    print(f"The batch {options.batch_id} is given up: its {n_requests:,} requests are asked again by the next run.")
    return 0


def _counted(done: Transferred) -> str:
    replies = "1 reply" if done.n_replies == 1 else f"{done.n_replies:,} replies"
    return f"{replies} and {count(done.n_computed, 'computed value')}"


def _stats_table(usage: list[Usage]) -> Table:
    from python_models.llm.spending.prices import read_prices

    prices = read_prices()
    table = Table(box=SIMPLE)
    for name in ("stage", "model"):
        table.add_column(name)
    for name in ("calls", "prompt tokens", "cached", "completion tokens", "cost"):
        table.add_column(name, justify="right")
    for row in usage:
        numbers = (row.n_calls, row.n_prompt_tokens, row.n_cached_tokens, row.n_completion_tokens)
        model = f"{row.model} (batch)" if row.is_batch else row.model
        table.add_row(cell(row.stage), cell(model), *(f"{number:,}" for number in numbers), _cost(row, prices))
    return table


def _cost(row: Usage, prices: Mapping[str, Price]) -> str:
    from python_models.llm.spending.prices import find_price

    if row.is_free:
        return "free"
    if row.is_imported:
        return "imported"
    price = find_price(prices, row.model)
    if price is None:
        return "price unknown"
    tokens = (row.n_prompt_tokens, row.n_cached_tokens, row.n_completion_tokens)
    return f"${price.cost(*tokens, n_written=row.n_cache_write_tokens, is_batch=row.is_batch):,.4f}"
