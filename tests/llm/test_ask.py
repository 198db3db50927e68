"""Questions about a case with real vLLM: HTTP → gateway → investigator → vLLM → answer → case.

The model's weights are random: whether it answers and what it says is not looked at, only that an answer cites what it
was given, and that everything else is honestly none.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from fraudray.domain.question import ANSWER_MAX, CaseAnswer
from fraudray.llm.tiny_model import MODEL_ID
from tests.e2e.test_investigations_http import events
from tests.llm.conftest import ServedModel
from tests.llm.test_whole_path import decide, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def http(served: ServedModel) -> Any:
    """The gateway."""
    with httpx.Client(base_url=served.url, timeout=120) as client:
        yield client


def ask(http: httpx.Client, case_id: str, question: str) -> CaseAnswer:
    answer = http.post("/v1/ask", json={"case_id": case_id, "question": question})
    assert answer.status_code == 200, answer.text
    return CaseAnswer.model_validate(answer.json())


def checked(http: httpx.Client, answer: CaseAnswer) -> CaseAnswer:
    """An answer cites evidence of the case, and without a citation there is none; it stands on the case either way."""
    case = http.get(f"/v1/cases/{answer.case_id}").json()
    tools = {d["transaction_id"]: d["evidence"] for d in case["decisions"]}
    noted = {entry["entry_id"]: entry for entry in case["entries"]}
    assert answer.answered == bool(answer.citations) == bool(answer.answer)
    for cited in answer.citations:
        tool, _, item = (cited.evidence or "").partition("/")
        assert (
            cited.id == "case"
            or cited.entry_id in noted
            or cited.evidence in ("policy", "payment")
            or item in tools[str(cited.transaction_id)][tool]["items"]
        )
    if answer.answered:
        assert 0 < len(answer.answer or "") <= ANSWER_MAX
    else:
        assert answer.why in ("not_in_evidence", "model_failed"), answer
    assert answer.entry_id is not None
    assert noted[answer.entry_id]["body"]["answered"] == answer.answered
    return answer


def test_an_answer_cites_the_case_or_there_is_honestly_none(http: httpx.Client) -> None:
    case_id = decide(http, "T-ask", sample=1)["case_id"]
    http.post(f"/v1/cases/{case_id}/notes", json={"text": "Called the customer: not hers. 不是她的付款。"})

    def answered(number: int) -> Any:
        answer = checked(http, ask(http, case_id, f"Why was the device suspicious? ({number})"))
        return answer if answer.answered else None

    answer = until(answered)
    assert answer.model == MODEL_ID
    assert answer.usage.prompt_tokens > 500
    assert answer.timing.total_ms is not None


def test_the_answer_streams_in_pieces_that_make_it_up(http: httpx.Client) -> None:
    case_id = decide(http, "T-ask-stream", sample=1)["case_id"]

    def streamed(_: int) -> Any:
        asked = {"case_id": case_id, "question": "Wie weit liegen die Orte auseinander?"}
        text = http.post("/v1/ask", json=asked, headers={"accept": "text/event-stream"}).text
        happened = [json.loads(entry["data"]) for entry in events(text)]
        assert (happened[0]["kind"], happened[-1]["kind"]) == ("stage", "finished")
        checked(http, CaseAnswer.model_validate(happened[-1]["body"]))
        return happened if happened[-1]["body"]["answered"] else None

    happened = until(streamed)
    kinds = [event["kind"] for event in happened]
    since = max((at for at, kind in enumerate(kinds) if kind == "answer_rejected"), default=0)
    pieces = [event["body"]["text"] for event in happened[since:] if event["kind"] == "answer"]
    assert "".join(pieces) == happened[-1]["body"]["answer"]


def test_a_large_case_fits_the_models_context(http: httpx.Client) -> None:
    first = decide(http, "T-large-0", sample=1)["case_id"]
    for number in range(1, 40):
        decide(http, f"T-large-{number}", sample=1)
    for number in range(20):
        http.post(f"/v1/cases/{first}/notes", json={"text": f"{number}: 不是她的付款。" * 100})
    with ThreadPoolExecutor(4) as threads:
        answers = [*threads.map(lambda n: ask(http, first, f"What is odd about all of these? ({n})"), range(4))]
    for answer in answers:
        checked(http, answer)
        assert answer.reason != "bad_request", answer
        assert answer.material.decisions_in_case >= 40
        assert answer.material.decisions > 3
