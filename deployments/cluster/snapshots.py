"""A snapshot of the database before an upgrade, by RDS."""

from __future__ import annotations

from datetime import datetime

from fraudray.deployments.cluster.account import Account
from fraudray.deployments.cluster.manifests import at
from fraudray.deployments.cluster.waiting import Patience, Tell


def take_snapshot(account: Account, instance: str, now: datetime, patience: Patience, tell: Tell) -> str:
    """Take one and wait until it can be restored; gives its name. Raises NotThere, NotAllowed, AwsFailed, NotInTime."""
    name = f"{instance}-before-upgrade-{now:%Y%m%d-%H%M%S}"
    account.ask("rds", "create_db_snapshot", DBInstanceIdentifier=instance, DBSnapshotIdentifier=name)

    def look() -> str | None:
        answer = account.ask("rds", "describe_db_snapshots", DBSnapshotIdentifier=name)
        found = at(answer, "DBSnapshots", 0) or {}
        if found.get("Status") == "available":
            return None
        return f"snapshot {name} is {found.get('Status')} ({found.get('PercentProgress', 0)} %)"

    patience.wait(look, tell)
    return name
