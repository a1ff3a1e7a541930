"""The files that git keeps, as they are in this checkout: nothing that was fetched or built."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent


def copy_of_the_repository(folder: Path) -> None:
    """Copy them into a new folder."""
    kept = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    folder.mkdir(parents=True)
    for name in filter(None, kept.split("\0")):
        source = ROOT / name
        if not (source.is_symlink() or source.exists()):
            continue  # deleted, and not committed yet
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, folder / name, follow_symlinks=False)
