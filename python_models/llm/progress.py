"""How far a stage is: a live line in a terminal, a plain line every ten seconds in a log."""

from __future__ import annotations

import sys
import time
from collections import deque
from typing import TYPE_CHECKING

from python_models.terminal import shown

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

_SECONDS_PER_LOG_LINE = 10.0
_SECONDS_PER_LOOK = 0.25
_SECONDS_OF_RATE = 30.0
_BAR_CHARS = 16


class Progress:
    """Counts of one stage and how they are shown, on standard error or inside SQLMesh's own live display.

    Args:
        stage: its name.
        n_total: items of the whole stage, None if not known.
    """

    def __init__(self, stage: str, n_total: int | None = None) -> None:
        self.stage = stage
        self.n_total = n_total
        self.n_done = 0
        self.n_cached = 0
        self.n_failed = 0
        self.n_calls = 0
        self.spent_usd: float | None = None
        self.waits_for: str | None = None
        self._started = time.monotonic()
        self._shown_at = self._started
        self._recent: deque[tuple[float, int, int]] = deque([(self._started, 0, 0)])
        self._live: Live | None = None
        self._has_shown = False

    def update(self, spent_usd: float | None = None, waits_for: str | None = None) -> None:
        """Show the counts, what was spent and why calls wait, if it is time to."""
        self.spent_usd = spent_usd
        self.waits_for = waits_for
        now = time.monotonic()
        if now - self._recent[-1][0] < _SECONDS_PER_LOOK:
            return
        self._recent.append((now, self.n_done, self.n_calls))
        while now - self._recent[0][0] > _SECONDS_OF_RATE and len(self._recent) > 2:
            self._recent.popleft()
        if self._live is None and not self._has_shown:
            self._has_shown = True
            self._live = _start_live()
        if self._live is not None:
            self._live.update(_plain(self.bar() + self.line()), refresh=True)
        elif now - self._shown_at >= _SECONDS_PER_LOG_LINE:
            self._shown_at = now
            print(self.line(), file=sys.stderr, flush=True)

    def say(self, text: str) -> None:
        """Print a message without disturbing the live line."""
        if self._live is not None:
            self._live.console.print(shown(text), highlight=False, markup=False)
        else:
            print(shown(text), file=sys.stderr, flush=True)

    def close(self) -> None:
        """Leave the last counts as one line, unless everything was too quick to be shown."""
        if self._live is not None:
            console = self._live.console
            self._live.update("")
            self._live.stop()
            self._live = None
            console.print(self.line(), highlight=False, markup=False)
        elif self._has_shown or self.n_calls:
            print(self.line(), file=sys.stderr, flush=True)

    def bar(self) -> str:
        """How much is done, as a bar of 16 characters and a space; nothing if the total is not known."""
        if not self.n_total:
            return ""
        n_full = min(self.n_done, self.n_total) * _BAR_CHARS // self.n_total
        return "━" * n_full + "╌" * (_BAR_CHARS - n_full) + " "

    def line(self) -> str:
        """The counts in words, such as ``tagging: 120/5,000, 42.1 calls/s, 20 cached, 1 failed, 1 min left``."""
        total = f"/{self.n_total:,}" if self.n_total is not None else ""
        then, n_done, n_calls = self._recent[0]
        now = time.monotonic()
        seconds = max(now - then, 1e-9)
        parts = [f"{self.stage}: {self.n_done:,}{total}"]
        if self.n_calls:
            parts.append(f"{(self.n_calls - n_calls) / seconds:,.1f} calls/s")
        parts += [f"{self.n_cached:,} cached", f"{self.n_failed:,} failed"]
        if self.spent_usd is not None:
            parts.append(f"${self.spent_usd:,.4f} spent")
        rate = (self.n_done - n_done) / seconds
        if self.n_total is not None and self.n_done < self.n_total and rate > 0:
            parts.append(f"{_duration((self.n_total - self.n_done) / rate)} left")
        elif self.n_total is not None and self.n_done >= self.n_total:
            parts.append(f"{_duration(now - self._started)} in all")
        if self.waits_for is not None:
            parts.append(f"waiting for {self.waits_for}")
        return ", ".join(parts)


def _plain(text: str) -> Text:
    from rich.text import Text

    return Text(text, no_wrap=True, overflow="ellipsis")


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5_400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3_600:.1f} h"


def _start_live() -> Live | None:
    """A live line where there is a terminal: nested in SQLMesh's live display if that is on, else of its own."""
    from rich.console import Console
    from rich.live import Live

    console = _sqlmesh_console() or Console(stderr=True)
    if not console.is_terminal or console.is_dumb_terminal:
        return None
    live = Live("", console=console, auto_refresh=False, transient=True)
    live.start()
    return live


def _sqlmesh_console() -> Console | None:
    """The terminal console of SQLMesh in this process, None outside of SQLMesh. Two live displays on two consoles
    would overwrite each other; on one console they are shown one below the other."""
    module = sys.modules.get("sqlmesh.core.console")
    console = getattr(module.get_console(), "console", None) if module is not None else None
    from rich.console import Console

    return console if isinstance(console, Console) and console.is_terminal else None
