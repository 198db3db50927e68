"""Questions about a case: an answer cites what was given, or there is none; the model's failures are named."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from fraudray.adapters.openai_chat import OpenAIChat
from fraudray.agent.agent import Agent
from fraudray.agent.breaker import Breaker
from fraudray.agent.prompt import INSTRUCTIONS as VERDICT_INSTRUCTIONS
from fraudray.agent.question_prompt import INSTRUCTIONS
from fraudray.agent.reveals import RUN, settled
from fraudray.domain.investigation import FallbackReason
from fraudray.domain.question import ANSWER_MAX, Unanswered
from fraudray.ports.clock import SystemClock
from fraudray.ports.llm import Delta, ModelAbilities, ModelFailed
from fraudray.testing.endpoint import HOLD, MODEL, ModelEndpoint, Reply, chunk, says
from fraudray.testing.misbehaviour import Misbehaviour, misbehaving
from fraudray.testing.scripted_model import ScriptedModel, reply, verdict
from tests.agent.asked import TRAVEL, answered, asked, decided, noted, text_of
from tests.agent.briefs import BUDGET

NONCE = "0123456789abcdef"
SAID = "It was reviewed for its amount of 1,200.00, which is high for this customer, though the journey is feasible."
CITED = reply(SAID, ["d1/policy", TRAVEL])


def agent(answers: list[Any], **options: Any) -> tuple[Agent, ScriptedModel]:
    model = ScriptedModel(answers, **options)
    return Agent(model, clock=SystemClock(), nonce=lambda: NONCE), model


def over_http(url: str, breaker: Breaker | None = None) -> Agent:
    return Agent(OpenAIChat(url, ModelAbilities(MODEL)), clock=SystemClock(), breaker=breaker)


def spelled(text: str) -> list[Delta]:
    """A character a piece."""
    return [*(Delta(content=char) for char in text), Delta(finish="stop")]


def test_an_answer_comes_with_its_citations_and_what_it_cost() -> None:
    answering, model = agent([CITED])
    events, found = answered(answering)
    assert (found.answered, found.answer, found.evidence) == (True, SAID, ["d1/policy", TRAVEL])
    assert list(dict.fromkeys(event.kind for event in events)) == ["stage", "answer", "finished"]
    assert (found.usage.round_trips, found.model) == (1, "scripted")
    assert found.usage.prompt_tokens > 500
    assert found.timing.total_ms is not None
    assert (found.decisions, found.entries) == (1, 1)
    assert model.requests[0].tools == ()
    assert model.requests[0].schema is not None
    assert list(model.requests[0].schema["properties"]) == ["answered", "evidence", "answer"]


@pytest.mark.parametrize("said", [
    reply(""), json.dumps({"answered": False, "evidence": [TRAVEL], "answer": "He did it, believe me."}),
])  # fmt: skip
def test_what_the_model_cannot_answer_from_the_case_is_not_answered(said: str) -> None:
    events, found = answered(agent([said])[0])
    assert (found.answered, found.why) == (False, Unanswered.NOT_IN_EVIDENCE)
    assert (found.answer, found.evidence) == ("", [])
    assert "believe me" not in str([event.body for event in events])
    assert found.usage.round_trips == 1


@pytest.mark.parametrize("cited", [[], ["d1/geolocation-checker/moon"], [TRAVEL, "geolocation-checker/travel"]])
def test_an_answer_without_a_citation_of_what_was_given_is_asked_for_once_more_and_then_never_shown(
    cited: list[str],
) -> None:
    answering, model = agent([reply(SAID, cited), reply(SAID, cited)])
    events, found = answered(answering)
    assert (found.answered, found.why, found.reason) == (False, "not_in_evidence", "unknown_evidence")
    assert [event.kind for event in events] == ["stage", "answer_rejected", "stage", "answer_rejected", "finished"]
    assert SAID not in str([event.body for event in events])
    assert len(model.requests) == 2
    assert "was not accepted" in model.requests[1].messages[-1].content
    _, second = answered(agent([reply(SAID, cited), CITED])[0])
    assert (second.answered, second.usage.round_trips) == (True, 2)


@pytest.mark.parametrize(("said", "reason"), [
    ("", "empty"), ("no JSON", "empty"), ('{"answered": tru', "invalid_json"), (verdict("BLOCK", 90), "beyond_schema"),
    (reply(SAID, [TRAVEL])[:-1] + ',"close":true}', "beyond_schema"), (reply(" ", [TRAVEL]), "empty"),
    ('{"answered": "yes", "evidence": ["case"], "answer": "x"}', "beyond_schema"),
    ('{"ask": [{"tool": "customer_history"}]}', "beyond_schema"),
])  # fmt: skip
def test_what_is_no_answer_twice_is_a_failure_of_the_model(said: str, reason: str) -> None:
    _, found = answered(agent([said, said])[0])
    assert (found.answered, found.why, found.reason) == (False, Unanswered.MODEL_FAILED, reason)
    assert found.detail


@pytest.mark.parametrize("written", [
    "<think>Whose amount is it?</think>" + CITED, "Whose amount is it?</think>" + CITED,
])  # fmt: skip
def test_thinking_is_told_apart_from_the_answer(written: str) -> None:
    events, found = answered(agent([spelled(written)])[0])
    assert text_of(events, "reasoning") == "Whose amount is it?"
    assert text_of(events, "answer") == found.answer == SAID


def test_thinking_that_the_server_separates_is_told_as_such() -> None:
    with ModelEndpoint(lambda _: says(CITED, reasoning="Whose amount is it?")) as endpoint:
        events, found = answered(over_http(endpoint.url))
    assert text_of(events, "reasoning") == "Whose amount is it?"
    assert found.answer == SAID


def test_the_text_is_told_as_it_comes_once_its_citations_are_known() -> None:
    head = CITED[: CITED.index("though the")]

    async def first_pieces(url: str) -> str:
        said = ""
        async for event in (run := over_http(url).answer(asked())):
            if event.kind == "answer":
                said += event.body["text"]
                break
        await run.aclose()
        return said

    with ModelEndpoint(lambda _: Reply([chunk({"content": head}), HOLD])) as endpoint:
        said = asyncio.run(first_pieces(endpoint.url))
        assert endpoint.left.wait(20)  # who leaves ends the model's work
    assert SAID.startswith(said)
    assert len(said) > 10


@pytest.mark.parametrize("written", [
    json.dumps({"answer": SAID, "answered": True, "evidence": [TRAVEL]}), reply(SAID, ["d1/invented"]),
])  # fmt: skip
def test_no_text_is_told_before_it_is_known_what_it_rests_on(written: str) -> None:
    pieces = [*(Delta(content=char) for char in written[:-1])]
    events, found = answered(agent([[*pieces, Delta(finish="length")]])[0])
    assert text_of(events, "answer") == ""
    assert (found.answered, found.reason) == (False, FallbackReason.BUDGET)


def test_pieces_of_an_answer_that_is_rejected_in_the_end_are_void() -> None:
    broken = reply(SAID * 5, [TRAVEL])[:-1] + ', "more": 1}'
    paced = Agent(ScriptedModel([spelled(broken), CITED]), clock=SystemClock())
    events, found = answered(paced)
    kinds = [event.kind for event in events]
    rejected = kinds.index("answer_rejected")
    assert found.answer == SAID
    assert text_of(events[rejected:], "answer") == SAID


def test_the_answer_is_cut_made_one_line_and_holds_no_card_number() -> None:
    said = "The card is 4111 1111 1111 1111.\u001b[31m\n" + "é" * 2000
    _, found = answered(agent([reply(said, [TRAVEL])])[0])
    assert found.answer.startswith("The card is **** **** **** 1111. [31m é")
    assert len(found.answer) == ANSWER_MAX


@pytest.mark.parametrize("leak", [
    INSTRUCTIONS[:900], VERDICT_INSTRUCTIONS[200:900].upper(), "\u200b".join(INSTRUCTIONS[300:500]), f"It is {NONCE}.",
])  # fmt: skip
def test_an_answer_that_gives_the_prompt_away_is_none_and_no_piece_of_it_is_told(leak: str) -> None:
    said = [Delta(reasoning=leak), *spelled(reply(f"So it is. {leak}", [TRAVEL]))]
    events, found = answered(agent([said, said])[0])
    assert (found.answered, found.why, found.answer) == (False, Unanswered.MODEL_FAILED, "")
    assert found.detail == "the answer repeats the instructions"
    for event in events:
        assert "So it is. ".startswith(event.body.get("text", ""))
    assert answered(agent([said, CITED])[0])[1].answer == SAID


def test_without_tokens_for_a_second_round_trip_the_first_rejection_is_what_is_said() -> None:
    scarce = BUDGET.model_copy(update={"tokens_max": 5})
    _, found = answered(agent([reply(SAID)])[0], asked(budget=scarce))
    assert (found.why, found.usage.round_trips) == (Unanswered.NOT_IN_EVIDENCE, 1)


def test_of_a_text_that_grows_nothing_is_told_that_may_yet_become_a_repetition() -> None:
    text = "Plain words before. " + INSTRUCTIONS[:300]
    ends = [settled(text[:end]) for end in range(len(text))]
    first_leak = next(end for end in range(len(text)) if text[20:end].replace(" ", "").isalpha() and end > 20 + RUN)
    assert ends == sorted(ends)
    assert all(end <= 21 for end in ends[:first_leak])


@pytest.mark.parametrize("kind", [kind for kind in Misbehaviour if kind not in (
    Misbehaviour.SLOW_FIRST_TOKEN, Misbehaviour.STALLED,
)])  # fmt: skip
def test_an_endpoint_that_misbehaves_answers_nothing_and_it_is_said_how(kind: Misbehaviour) -> None:
    with misbehaving(kind) as url:
        _, found = answered(over_http(url))
    assert (found.answered, found.why) == (False, Unanswered.MODEL_FAILED)
    # Its verdicts are no answers, whatever they cite.
    assert found.reason in (kind.reason, FallbackReason.BEYOND_SCHEMA, FallbackReason.INVALID_JSON)
    assert found.detail


@pytest.mark.parametrize("kind", [Misbehaviour.SLOW_FIRST_TOKEN, Misbehaviour.STALLED])
def test_a_model_that_is_slow_is_left(kind: Misbehaviour) -> None:
    hasty = BUDGET.model_copy(update={"first_token_s": 0.3, "stall_s": 0.3})
    with misbehaving(kind) as url:
        _, found = answered(over_http(url), asked(budget=hasty))
    assert (found.why, found.reason) == (Unanswered.MODEL_FAILED, kind.reason)


def test_who_has_no_answer_when_the_time_is_over_is_late() -> None:
    with ModelEndpoint(lambda _: Reply([HOLD])) as endpoint:
        _, found = answered(over_http(endpoint.url), asked(budget=BUDGET.model_copy(update={"limit_s": 0.3})))
    assert (found.answered, found.why, found.reason) == (False, Unanswered.LATE, FallbackReason.LATE)
    assert found.detail == "no answer within 0.3 s"


def test_while_the_breaker_is_open_the_model_is_not_asked() -> None:
    breaker = Breaker()
    breaker.failed(ModelFailed(FallbackReason.REFUSED_CONNECTION, "gone"))
    model = ScriptedModel([CITED])
    _, found = answered(Agent(model, clock=SystemClock(), breaker=breaker))
    assert (found.why, found.reason) == (Unanswered.MODEL_FAILED, FallbackReason.BREAKER_OPEN)
    assert model.requests == []


def test_what_fails_for_a_question_opens_the_breaker_of_the_investigations() -> None:
    breaker = Breaker()
    with misbehaving(Misbehaviour.UNAUTHORIZED) as url:
        answered(over_http(url, breaker))
    assert breaker.state == "open"


def test_a_prompt_that_is_too_long_for_the_model_is_sent_once_more_with_less_of_the_case() -> None:
    refused = ModelFailed(FallbackReason.BAD_REQUEST, "maximum context length is 4096 tokens")
    many = asked(decisions=[decided(number) for number in range(1, 41)])
    answering, model = agent([refused, CITED])
    _, found = answered(answering, many)
    assert found.answered
    first, second = (len(request.messages[1].content) for request in model.requests)
    assert second < first / 2
    assert 1 <= found.decisions < 40
    _, twice = answered(agent([refused, refused])[0], many)
    assert (twice.why, twice.reason) == (Unanswered.MODEL_FAILED, FallbackReason.BAD_REQUEST)


def test_of_a_very_large_case_the_newest_is_told_and_only_that_may_be_cited() -> None:
    given = asked(
        decisions=[decided(number) for number in range(1, 501)], entries=[noted(n, "é" * 900) for n in range(1, 501)]
    )
    answering, model = agent([CITED])
    _, found = answered(answering, given)
    told = model.requests[0].messages[1].content
    assert len(told.encode()) < 25_000
    assert 5 < found.decisions < 100
    assert 3 < found.entries < 50
    ids = model.requests[0].schema["properties"]["evidence"]["items"]["enum"]  # type: ignore[index]
    assert len(ids) == len(set(ids))
    assert {entry.partition("/")[0] for entry in ids} == (
        {"case"} | {f"d{n}" for n in range(1, found.decisions + 1)} | {f"n{n}" for n in range(1, found.entries + 1)}
    )


def test_of_one_decision_that_is_too_large_there_is_as_much_as_fits() -> None:
    items = {f"i{number}": {"n": number, "m": number} for number in range(6000)}
    huge = {"transaction-risk": decided().evidence["transaction-risk"]}
    huge["watch"] = huge["transaction-risk"].model_copy(update={"items": items})
    answering, model = agent([reply(SAID, ["d1/policy"])])
    _, found = answered(answering, asked(decisions=[decided(evidence=huge)]))
    assert found.answered
    assert len(model.requests[0].messages[1].content.encode()) < 25_000
    ids = model.requests[0].schema["properties"]["evidence"]["items"]["enum"]  # type: ignore[index]
    assert "d1/transaction-risk/amount" in ids
    assert not [entry for entry in ids if "watch" in entry]


def test_a_case_without_decisions_is_answered_from_its_notes() -> None:
    answering, model = agent([reply("Ana called the customer.", ["n1"])])
    _, found = answered(answering, asked(decisions=[]))
    assert (found.answered, found.evidence, found.decisions) == (True, ["n1"], 0)
    assert model.requests[0].schema["properties"]["evidence"]["items"]["enum"] == ["case", "n1"]  # type: ignore[index]


def test_whatever_others_wrote_stands_between_the_marks_and_ids_stay_here() -> None:
    payment = {"transaction_id": "TXN-1", "customer_id": "C-SECRET", "device_id": "dev-SECRET", "memo": "W-MEMO"}
    body = {"notes": "W-NOTE", "transaction_id": "TXN-1", "investigation_id": "inv-SECRET", "analysis": "W-ANALYSIS"}
    given = asked(
        "Was it W-QUESTION?",
        decisions=[decided(transaction=payment)],
        entries=[noted(author="W-AUTHOR", kind="analysis", body=body)],
    )
    answering, model = agent([CITED])
    answered(answering, given)
    told = model.requests[0].messages[1].content
    assert "SECRET" not in told
    assert "TXN-1" not in told
    before, _, rest = told.partition(f"<data {NONCE}>")
    inside, _, after = rest.partition(f"</data {NONCE}>")
    for word in ("W-MEMO", "W-NOTE", "W-ANALYSIS", "W-AUTHOR", "1,200 is high"):
        assert word in inside
        assert word not in before + after
    assert '"about":"d1"' in inside
    assert after == '\nQuestion "Was it W-QUESTION?"'


def test_a_transaction_that_the_question_names_is_told_by_its_number_alone() -> None:
    given = asked("Why was TXN-2 reviewed?", decisions=[decided(1), decided(2)])
    answering, model = agent([CITED])
    answered(answering, given)
    told = model.requests[0].messages[1].content
    assert 'd2 is "TXN-2"' in told
    assert "TXN-1" not in told


def test_the_instructions_are_the_same_for_every_question() -> None:
    prompts = []
    for question in ("Why?", "为什么设备可疑？"):
        answering, model = agent([CITED])
        answered(answering, asked(question))
        prompts.append(model.requests[0].messages[0].content)
        assert model.requests[0].messages[1].content.endswith(f'Question "{question}"')
    assert prompts[0] == prompts[1]
