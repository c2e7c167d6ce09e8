"""Words of a text, for audits: runs of letters or of digits; scripts without spaces give characters and pairs of them."""

import re

_RUN = re.compile(r"[^\W\d_]+|\d+")
_UNSPACED = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
LONGEST = 2000  # characters of a text that are looked at


def words(text: str) -> list[str]:
    """In lower case, in order, with repetitions; "RTN-48213" gives "rtn" and "48213"."""
    found: list[str] = []
    for run in _RUN.findall(text[:LONGEST].lower()):
        if _UNSPACED.search(run):
            found += [*run, *(run[start : start + 2] for start in range(len(run) - 1))]
        else:
            found.append(run)
    return found
