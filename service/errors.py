"""What can go wrong in the service itself; `service.problems` says which status each becomes.

ServiceError
+-- UnknownJobError   no job has that id
+-- JobsFullError     too many documents are waiting to be taken in
+-- OverloadedError   too many requests are waiting already
"""

from __future__ import annotations


class ServiceError(Exception):
    """Root of the tree. The message says what was found and how to mend it, and is fit for a client."""


class UnknownJobError(ServiceError):
    """No job has that id."""


class JobsFullError(ServiceError):
    """Too many documents are waiting to be taken in."""


class OverloadedError(ServiceError):
    """Too many requests are waiting already."""
