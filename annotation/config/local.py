"""The data folder of one machine: where it is and the secret key it keeps."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEFAULT_HOME = ROOT / ".run"


def secret_key(home: Path) -> str:
    """The random key of this data folder, made on first use and readable by its owner only."""
    path = home / "secret_key"
    if not path.exists():
        home.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=home)  # mode 0600
        with os.fdopen(handle, "w") as out:
            out.write(secrets.token_urlsafe(64))
        try:
            os.link(draft, path)  # whole or not at all, and the first of two processes wins
        except FileExistsError:
            pass
        finally:
            os.unlink(draft)
    return path.read_text()
