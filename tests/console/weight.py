"""The gate on bytes: `python -m tests.console.weight` fails when a page of the console weighs more than its budget.

What a page loads first is read from the build itself: the entry, the page's own part, and whatever both import at once.
"""

import gzip
import json
import re
import sys
from pathlib import Path

from runtime.settings import REPOSITORY

DIST = REPOSITORY / "console" / "dist"
MANIFEST = DIST / ".vite" / "manifest.json"
WORK = "src/work/WorkPage.tsx"
FIRST_LOAD_KB = 450.0
LAZY_KB = 220.0


def packed(path: Path) -> float:
    """Kilobytes as they travel."""
    return len(gzip.compress(path.read_bytes(), 9)) / 1000


def loaded_with(manifest: dict[str, dict[str, object]], key: str, seen: set[str]) -> set[str]:
    """The files that one part needs before it runs, itself included."""
    if key in seen:
        return set()
    seen.add(key)
    part = manifest[key]
    files = {str(part["file"]), *(str(each) for each in part.get("css", []))}  # type: ignore[attr-defined]
    for other in part.get("imports", []):  # type: ignore[attr-defined]
        files |= loaded_with(manifest, str(other), seen)
    return files


def main() -> int:
    """1 when a budget is not kept."""
    manifest = json.loads(MANIFEST.read_text())
    (entry,) = (key for key, part in manifest.items() if part.get("isEntry"))
    first = loaded_with(manifest, entry, set())
    over = 0
    for key, part in sorted(manifest.items()):
        if not part.get("isDynamicEntry") and key != entry:
            continue
        files = loaded_with(manifest, key, set())
        whole = sum(packed(DIST / file) for file in files | first)
        own = sum(packed(DIST / file) for file in files - first)
        page = bool(re.search(r"Page\.tsx$", key))
        heavy = (key == WORK and whole > FIRST_LOAD_KB) or (key != WORK and own > LAZY_KB)
        over += heavy
        if page or heavy or key == entry:
            print(f"{'TOO HEAVY ' if heavy else ''}{key}: {own:.0f} kB of its own, {whole:.0f} kB at a first load")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
