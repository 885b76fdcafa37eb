"""Browser tests run where chromium and chromedriver are: set METAGAP_BROWSER=1 (CI does)."""

from __future__ import annotations

import os

collect_ignore_glob = [] if os.environ.get("METAGAP_BROWSER") else ["test_*.py"]
