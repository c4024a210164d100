"""Asks this machine's own web process whether it is ready; status 0 if so. For a container's health check.

python -m annotation.config.probe
"""

from __future__ import annotations

import sys
import urllib.error
import urllib.request

from annotation.config import env


def main() -> int:
    port = env.text("BIND", "127.0.0.1:8765").rpartition(":")[2]
    host = (env.names("ALLOWED_HOSTS") or ["localhost"])[0]
    asked = urllib.request.Request(f"http://127.0.0.1:{port}/readyz", headers={"Host": host.lstrip(".")})
    try:
        with urllib.request.urlopen(asked, timeout=5):
            return 0
    except urllib.error.HTTPError as error:
        print(error.read().decode(errors="replace").strip())
    except OSError as error:
        print(error)
    return 1


if __name__ == "__main__":
    sys.exit(main())
