"""Draw the top of a report as PNG: ``python docs/draw_report.py report.html docs/report.png`` (needs Chromium).

With ``--dark`` and ``--width 400`` it shows how the page looks at night and on a phone.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image


def main() -> None:
    """Take the picture, with as many colours as it needs and no more."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--width", type=int, default=1085)
    parser.add_argument("--height", type=int, default=1150)
    parser.add_argument("--dark", action="store_true")
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("Chromium is not installed: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(  # noqa: S603
            [
                chromium,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                "--virtual-time-budget=5000",  # milliseconds in which the page draws its plots
                f"--user-data-dir={folder}",
                f"--window-size={options.width},{options.height}",
                *(["--blink-settings=preferredColorScheme=0"] if options.dark else []),
                f"--screenshot={options.picture.resolve()}",
                options.report.resolve().as_uri(),
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )
    with Image.open(options.picture) as picture:
        picture.convert("RGB").quantize(128).save(options.picture, optimize=True)


if __name__ == "__main__":
    main()
