"""What the repair changes in documents that need none, for a person to judge one by one.

    python tools/count_edits.py FILE ...

Prints for each file how many edits of which kind and reason there are, and then each edit in its surroundings.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from ingest.readers import read_document
from ingest.repair import repair

_AROUND = 50


def main() -> None:
    for name in sys.argv[1:]:
        path = Path(name)
        document = read_document(path.read_bytes(), path.name)
        reading = repair(document)
        print(f"{path.name}: {len(document.source)} characters, {len(reading.edits)} edits")
        for (kind, reason), count in sorted(Counter((e.kind, e.reason) for e in reading.edits).items()):
            print(f"  {count:4} {kind}: {reason}")
        for edit in reading.edits:
            start, end = edit.source.start, edit.source.end
            before = document.source[max(start - _AROUND, 0) : start]
            after = document.source[end : end + _AROUND]
            print(f"    {edit.kind} {before!r} [{document.source[start:end][:120]!r}] {after!r}")


if __name__ == "__main__":
    main()
