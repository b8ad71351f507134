"""What the API may refuse, in words that an event or a log line can show as they are.

A missing object on a delete or a status patch, and an own object on a create, are no errors: that is done already.
"""

from __future__ import annotations

from shapebench.plan import actions


class KubeError(Exception):
    """A call that the cluster did not do. The text says which, on what, and why."""


class GoneError(KubeError, actions.NamespaceGoneError):
    """The namespace does not exist (any more) or is being deleted: nothing is left to do there."""


class ConflictError(KubeError, actions.RefusedError):
    """An object of that name exists and belongs to somebody else."""


class ForbiddenError(KubeError, actions.RefusedError):
    """The operator may not do that: a missing role, a quota, or an admission policy."""


class InvalidError(KubeError, actions.InvalidError):
    """The API server refuses the object as it is."""


class UnavailableError(KubeError):
    """The API server cannot be reached or cannot answer now; later it may."""
