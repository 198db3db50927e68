"""A process that decides with a model and is killed in the midst of it: FOLDER URL POLICY, transactions on stdin.

A line for each: what was answered, or the id of the investigation that begins.
"""

import asyncio
import json
import sys
from pathlib import Path

from fraudray.bootstrap import App
from fraudray.settings import load_settings
from fraudray.testing.endpoint import MODEL


def main() -> None:
    """Decide each line; one that names only a transaction is investigated again."""
    folder, url, policy = sys.argv[1:]
    settings = load_settings(
        data_dir=Path(folder) / "data", outbox_dir=Path(folder) / "outbox", policy_file=policy, llm_url=url,
        llm_model=MODEL,
    )  # fmt: skip
    with App(settings) as app:
        for line in sys.stdin:
            tx = json.loads(line)
            if len(tx) == 1:
                asyncio.run(until_ended(app, tx["transaction_id"]))
                print(app.investigations.begin(tx["transaction_id"], requested_by="ana").investigation_id, flush=True)
            else:
                print(app.investigations.decide_now(tx).decision.model_dump_json(), flush=True)


async def until_ended(app: App, transaction_id: str) -> None:
    """Wait for those that are under way."""
    for begun in app.investigations.of(transaction_id):
        async for _ in app.investigations.events(begun.investigation_id):
            pass


if __name__ == "__main__":
    main()
