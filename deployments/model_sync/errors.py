"""What can go wrong with a copy.

FraudrayError
└── SyncFailed       the source cannot be read, or the target not written; another run goes on where this one stopped
    └── Damaged      a file is not what the manifest says; names it
"""

from __future__ import annotations

from fraudray.domain.errors import FraudrayError


class SyncFailed(FraudrayError):
    """The copy did not end; another run goes on from here."""


class Damaged(SyncFailed):
    """A file differs from the manifest, in the source or in the target."""
