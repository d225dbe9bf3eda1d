"""Logs as lines of JSON on standard output, one for each request. They hold no question unless that is asked for."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

LOGGER = "pincite"


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON: whatever a message holds, it stays inside its string."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end. `extra={"fields": {...}}` adds fields."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def write_logs() -> None:
    """Have everything that this process logs written as JSON."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger(LOGGER).setLevel(logging.INFO)
