"""Put the files that a document shows into it: `<!-- listing: PATH -->` and `<!-- end -->` enclose each."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LISTING = re.compile(r"(<!-- listing: (?P<path>\S+) -->\n```(?P<language>\w+)\n).*?(```\n<!-- end -->)", re.DOTALL)


def filled(text: str) -> str:
    """The document with each listing as its file is now."""
    return LISTING.sub(lambda found: found[1] + (ROOT / found["path"]).read_text(encoding="utf-8") + found[4], text)


if __name__ == "__main__":
    for name in sys.argv[1:] or ["CONTRIBUTING.md"]:
        document = ROOT / name
        document.write_text(filled(document.read_text(encoding="utf-8")), encoding="utf-8")
