"""`Service` over HTTP."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

from fraudray.client import ask
from fraudray.client.backtests import RemoteBacktests
from fraudray.client.casework import RemoteCaseWork, wanted_of
from fraudray.client.investigations import RemoteInvestigations
from fraudray.client.keys import RemoteKeys
from fraudray.client.labels import RemoteLabels
from fraudray.client.lists import RemoteLists
from fraudray.client.policies import RemotePolicies
from fraudray.client.reports import ReportsClient
from fraudray.client.webhooks import RemoteWebhooks
from fraudray.client.wire import TIMEOUT_S, Wire, encode, error_of, part, plain, to_json
from fraudray.domain.decision import Decision
from fraudray.domain.errors import FraudrayError
from fraudray.domain.transaction import Transaction

BULK_ROWS = 1000


class Client:
    """Speaks the HTTP API and raises the library's own errors. Times out after `timeout_s`."""

    def __init__(self, base_url: str, *, key: str | None = None, timeout_s: float = TIMEOUT_S) -> None:
        """`key` is an API key (`fraudray keys create`), for a server that wants one. Raises SettingsError for what
        cannot be a key."""
        self.wire = Wire(base_url, key, timeout_s=timeout_s)
        self.keys = RemoteKeys(self.wire)
        self.backtests = RemoteBacktests(self.wire)
        self.labels = RemoteLabels(self.wire)
        self.casework = RemoteCaseWork(self.wire)
        self.lists = RemoteLists(self.wire)
        self.policies = RemotePolicies(self.wire)
        self.base_url = self.wire.base_url
        self.investigations = RemoteInvestigations(self.wire)
        self.reports = ReportsClient(self.wire)
        self.webhooks = RemoteWebhooks(self.wire)

    def decide(self, tx: Transaction | Mapping[str, Any]) -> Decision:
        """See `Engine.decide`."""
        body = to_json(tx)
        return Decision.model_validate_json(self.wire.answer("POST", "/v1/decisions", content=body).content)

    async def decide_async(self, tx: Transaction | Mapping[str, Any]) -> Decision:
        """See `Engine.decide_async`."""
        answer = await self.wire.answer_async("POST", "/v1/decisions", to_json(tx))
        return Decision.model_validate_json(answer.content)

    def decide_many(self, txs: Iterable[Transaction | Mapping[str, Any]]) -> list[Decision | FraudrayError]:
        """See `Engine.decide_many`; sent in bulks of 1,000."""
        return [_outcome(row) for row in self.decide_rows([plain(tx) for tx in txs])]

    def decide_rows(self, rows: Sequence[Any]) -> list[dict[str, Any]]:
        """See `Service.decide_rows`; sent in bulks of 1,000."""
        done: list[dict[str, Any]] = []
        for start in range(0, len(rows), BULK_ROWS):
            body = b"[" + b",".join(encode(row) for row in rows[start : start + BULK_ROWS]) + b"]"
            done += self.wire.answer("POST", "/v1/decisions/bulk", content=body).json()["results"]
        return done

    def decision(self, transaction_id: str) -> dict[str, Any]:
        """See `Service.decision`."""
        return self.wire.get(f"/v1/decisions/{part(transaction_id)}")

    def step_up(self, transaction_id: str, *, result: str, reference: str | None = None, author: str) -> dict[str, Any]:
        """See `Service.step_up`."""
        body = {"result": result} | ({"reference": reference} if reference is not None else {})
        return self.wire.send("POST", f"/v1/decisions/{part(transaction_id)}/step-up", body, author)

    def explain(self, transaction: str | Mapping[str, Any]) -> dict[str, Any]:
        """See `Service.explain`."""
        if isinstance(transaction, str):
            return self.wire.get("/v1/policy/explain", transaction_id=transaction)
        return self.wire.send("POST", "/v1/policy/explain", plain(transaction))

    def policy(self, name: str | None = None) -> dict[str, Any]:
        """See `Service.policy`."""
        return self.wire.get("/v1/policy", name=name)

    def reload_policy(self, *, author: str) -> dict[str, Any]:
        """See `Service.reload_policy`."""
        return self.wire.send("POST", "/v1/policy/reload", {}, author)

    def cases(self, *, count: bool = False, limit: int = 50, offset: int = 0, **query: Any) -> dict[str, Any]:
        """See `Service.cases`."""
        wanted = wanted_of(query) | ({"count": "true"} if count else {})
        return self.wire.get("/v1/cases", limit=limit, offset=offset, **wanted)

    def case(self, case_id: str) -> dict[str, Any]:
        """See `Service.case`."""
        return self.wire.get(f"/v1/cases/{part(case_id)}")

    def note(self, case_id: str, *, text: str, author: str) -> dict[str, Any]:
        """See `Service.note`."""
        return self.wire.send("POST", f"/v1/cases/{part(case_id)}/notes", {"text": text}, author)

    def ask(self, case_id: str, question: str, *, transaction_id: str | None = None, author: str) -> dict[str, Any]:
        """See `Service.ask`."""
        return ask.answer(self.wire, case_id, question, transaction_id=transaction_id, author=author)

    def ask_live(
        self, case_id: str, question: str, *, transaction_id: str | None = None, author: str
    ) -> Iterator[dict[str, Any]]:
        """See `Service.ask_live`."""
        return ask.events(self.wire, case_id, question, transaction_id=transaction_id, author=author)

    def close_case(self, case_id: str, *, disposition: str, reason: str, author: str) -> dict[str, Any]:
        """See `Service.close_case`."""
        ended: dict[str, Any] = {"disposition": disposition, "reason": reason}
        return self.casework.act(case_id, "close", author=author, **ended)

    def report(self, report_id: str) -> dict[str, Any]:
        """See `Service.report`."""
        return self.wire.get(f"/v1/reports/{part(report_id)}", format="json")

    def customers(self, *, limit: int = 50, offset: int = 0) -> dict[str, Any]:
        """See `Service.customers`."""
        return self.wire.get("/v1/customers", limit=limit, offset=offset)

    def customer(self, customer_id: str) -> dict[str, Any]:
        """See `Service.customer`."""
        return self.wire.get(f"/v1/customers/{part(customer_id)}")

    def put_customers(self, profiles: Sequence[Mapping[str, Any]], *, author: str) -> dict[str, Any]:
        """See `Service.put_customers`."""
        return self.wire.send("POST", "/v1/customers", list(profiles), author)

    def enrol(self, customer_id: str, template: Mapping[str, Any], *, author: str) -> dict[str, Any]:
        """See `Service.enrol`."""
        return self.wire.send("POST", f"/v1/customers/{part(customer_id)}/enrol", template, author)

    def account(self, customer_id: str) -> dict[str, Any]:
        """See `Service.account`."""
        return self.wire.get(f"/v1/customers/{part(customer_id)}/account")

    def unfreeze(self, customer_id: str, *, reason: str, author: str) -> dict[str, Any]:
        """See `Service.unfreeze`."""
        return self.wire.send("POST", f"/v1/customers/{part(customer_id)}/unfreeze", {"reason": reason}, author)

    def extend_freeze(self, customer_id: str, *, until: str, reason: str, author: str) -> dict[str, Any]:
        """See `Service.extend_freeze`."""
        body = {"until": until, "reason": reason}
        return self.wire.send("POST", f"/v1/customers/{part(customer_id)}/extend-freeze", body, author)

    def hold(self, customer_id: str, *, reason: str | None, author: str) -> dict[str, Any]:
        """See `Service.hold`."""
        return self.wire.send("POST", f"/v1/customers/{part(customer_id)}/hold", {"reason": reason}, author)

    def erase(self, customer_id: str, *, reason: str, author: str) -> dict[str, Any]:
        """See `Service.erase`."""
        return self.wire.send("POST", f"/v1/customers/{part(customer_id)}/erase", {"reason": reason}, author)

    def outbox(self, *, status: str | None = None, limit: int = 50, offset: int = 0) -> dict[str, Any]:
        """See `Service.outbox`."""
        return self.wire.get("/v1/outbox", status=status, limit=limit, offset=offset)

    def retry(self, entry_id: str, *, author: str) -> dict[str, Any]:
        """See `Service.retry`."""
        return self.wire.send("POST", f"/v1/outbox/{part(entry_id)}/retry", {}, author)

    def audit(self, *, subject: str | None = None, limit: int = 100, offset: int = 0) -> dict[str, Any]:
        """See `Service.audit`."""
        return self.wire.get("/v1/audit", subject=subject, limit=limit, offset=offset)

    def verify_audit(self) -> dict[str, Any]:
        """See `Service.verify_audit`."""
        return self.wire.get("/v1/audit/verify")

    def ready(self) -> dict[str, Any]:
        """What `/readyz` says, which needs no key: version, policy, whether a model investigates."""
        return self.wire.get("/readyz")

    def live(self) -> dict[str, Any]:
        """Decisions of the last quarter of an hour, latency, tools, model, outbox, cases, labels, tokens and cost."""
        return self.wire.get("/v1/live")

    def whoami(self, author: str) -> dict[str, Any]:
        """As whom acts in the name of `author` are recorded, and which scopes they have."""
        return self.wire.get_as(author, "/v1/whoami")

    def data_status(self) -> dict[str, Any]:
        """See `Service.data_status`."""
        return self.wire.get("/v1/data")

    def close(self) -> None:
        """Close the connection."""
        self.wire.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _outcome(row: dict[str, Any]) -> Decision | FraudrayError:
    return Decision.model_validate(row["decision"]) if "decision" in row else error_of(row["status"], row["problem"])
