"""One round: what is to be asked about each row, and the engine that answers, on `ray.data.llm`."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from fraudray.agent.apart import next_request
from fraudray.agent.fitting import fitted
from fraudray.batch.investigate.answers import UNFIT, Record, answers_of, read_records, write_records
from fraudray.batch.investigate.choosing import Chosen
from fraudray.batch.investigate.escalated import Escalated, escalated_rows
from fraudray.batch.investigate.plan import TRIES, InvestigationPlan, Workshop
from fraudray.batch.investigate.tokens import prompt_tokens, sampling_of, thinking_tokens
from fraudray.batch.replay.job import Job
from fraudray.domain.investigation import Finding
from fraudray.investigations.briefs import Decided, brief_of
from fraudray.policy.policy import Policy
from fraudray.ports.clock import SystemClock
from fraudray.ports.investigator import Brief
from fraudray.ports.llm import ChatRequest, ModelFailed

BATCH_ROWS = 16
_SHARE = 0.5
"""Of a processor, for what only hands rows on: the engine is to have the rest."""
_ASKING = pa.schema(
    [("part", pa.int32()), ("row", pa.int64()), ("step", pa.int32()), ("tokens", pa.list_(pa.int32())),
     ("max_tokens", pa.int32()), ("schema", pa.string())]
)  # fmt: skip


@dataclass(frozen=True)
class Investigated:
    """A row, and how its investigation ended, or what it asks next as which of its round trips."""

    case: Escalated
    policy: Policy
    step: int
    outcome: Finding | ChatRequest


def investigated(part: int, job: Job, chosen: Chosen, rounds: int) -> Iterator[Investigated]:
    """The chosen rows of a part, by what was answered in the rounds that ended and in the one under way."""
    assert job.investigation is not None  # noqa: S101 - nobody calls it otherwise
    plan, workshop = job.investigation, Workshop(job.out)
    by_name = {policy.document.name: policy for policy in job.books[0]}
    found = read_records(workshop.answers(part))
    clock = SystemClock()
    with asyncio.Runner() as runner:
        for case in escalated_rows(job.part(part)):
            if not chosen.has(case.tx.transaction_id):
                continue
            policy = by_name[case.policy]
            answers = answers_of(found.get(case.row, []), rounds)
            outcome = runner.run(
                next_request(
                    _brief(job, case, policy), answers, plan.abilities, nonce=chosen.nonce(case.row), clock=clock
                )
            )
            yield Investigated(case, policy, len(answers) + 1, outcome)


def prepare_part(part: int, job: Job, chosen: Chosen, number: int) -> int:
    """Write what round `number` asks about a part's rows; how many. Where no prompt fits, that is a failure."""
    assert job.investigation is not None  # noqa: S101 - nobody calls it otherwise
    plan, workshop = job.investigation, Workshop(job.out)
    source, context = plan.serving.model_source, plan.serving.max_model_len
    rows, too_long = [], []
    for one in investigated(part, job, chosen, number - 1):
        if isinstance(one.outcome, Finding):
            continue
        try:
            request = fitted(one.outcome, context, lambda messages: len(prompt_tokens(source, tuple(messages))))
        except ModelFailed as failed:
            too_long.append(_unasked(one, number, failed.detail))
            continue
        tokens = prompt_tokens(source, tuple(request.messages))
        rows.append((part, one.case.row, one.step, tokens, request.max_tokens, json.dumps(request.schema)))
    if too_long:
        write_records(workshop.answers(part), too_long)
    if rows:
        columns = [pa.array(list(values), of.type) for values, of in zip(zip(*rows, strict=True), _ASKING, strict=True)]
        workshop.asking(part).parent.mkdir(parents=True, exist_ok=True)
        parquet.write_table(pa.table(columns, _ASKING), workshop.asking(part), row_group_size=group_rows(number))
    return len(rows)


def ask(job: Job, number: int, prompts: Mapping[int, int]) -> Iterator[tuple[int, int]]:
    """Put to the engine what was prepared for a round (part → prompts), and keep its answers as they come; how many
    were answered and how many failed, batch by batch."""
    import ray.data
    from ray.data.llm import build_processor, vLLMEngineProcessorConfig

    assert job.investigation is not None  # noqa: S101 - nobody calls it otherwise
    plan, workshop = job.investigation, Workshop(job.out)
    serving = plan.serving
    at_once = serving.engine.get("max_num_seqs", 256) * serving.pipeline_parallel
    config = vLLMEngineProcessorConfig(
        model_source=serving.model_source,
        engine_kwargs=_engine_arguments(plan),
        accelerator_type=None if serving.accelerator == "cpu" else serving.accelerator,
        placement_group_config={"bundle_per_worker": serving.worker_bundle, "strategy": serving.placement},
        concurrency=(serving.replicas_min, serving.replicas_max),
        batch_size=BATCH_ROWS,
        max_concurrent_batches=math.ceil(at_once / BATCH_ROWS) + 1,
        should_continue_on_error=True,
        log_engine_metrics=False,
        runtime_env={"env_vars": dict(serving.env)},
        **dict.fromkeys(("chat_template_stage", "tokenize_stage", "detokenize_stage"), False),
    )
    processor = build_processor(
        config,
        preprocess=partial(_asked, sampling=sampling_of(serving, plan.temperature)),
        postprocess=_answered,
        preprocess_map_kwargs={"num_cpus": _SHARE},
        postprocess_map_kwargs={"num_cpus": _SHARE},
    )
    # A batch with which the engine dies is not to be tried for ever, as Ray Data would by itself.
    processor.get_stage_by_name("vLLMEngineStage").map_batches_kwargs["max_task_retries"] = TRIES
    # Ray Data hands on what a whole block came to: small ones, or nothing is kept before all is answered.
    size = group_rows(number)
    groups = [{"part": part, "group": group} for part, count in prompts.items() for group in range(-(-count // size))]
    numbered = ray.data.from_items(groups, override_num_blocks=len(groups))
    rows = numbered.map_batches(partial(_read, workshop=workshop), batch_size=1, num_cpus=_SHARE)
    kept = processor(rows).map_batches(
        partial(_keep, workshop=workshop, source=serving.model_source, number=number), batch_size=BATCH_ROWS,
        batch_format="pyarrow", num_cpus=_SHARE,
    )  # fmt: skip
    for counted in kept.iter_rows():
        yield counted["answered"], counted["failed"]


def group_rows(number: int) -> int:
    """How many rows go together in a round: after the first one each by itself, so that one with which the engine dies
    takes no other along."""
    return BATCH_ROWS if number == 1 else 1


def _brief(job: Job, case: Escalated, policy: Policy) -> Brief:
    left_s = policy.document.investigate.later_limit_s
    name = f"{job.run_id}-{case.row}"
    return brief_of(policy, name, case.tx, Decided.by(case.decision), left_s=left_s, waiting=False)


def _unasked(one: Investigated, number: int, why: str) -> Record:
    return Record(one.case.row, one.step, number, "", UNFIT, 0, 0, 0, why, time.time(), 0.0)


def _engine_arguments(plan: InvestigationPlan) -> dict[str, Any]:
    """Those that the engine itself takes; a server's own have no meaning here."""
    import dataclasses

    from vllm.config import StructuredOutputsConfig  # type: ignore[import-not-found, unused-ignore]
    from vllm.engine.arg_utils import AsyncEngineArgs  # type: ignore[import-not-found, unused-ignore]

    known = {one.name for one in dataclasses.fields(AsyncEngineArgs)}
    arguments = plan.serving.engine_arguments() | {"disable_log_stats": True}
    # Its command line makes an object of it; given as a mapping it is not one.
    arguments["structured_outputs_config"] = StructuredOutputsConfig(**arguments["structured_outputs_config"])
    return {name: value for name, value in arguments.items() if name in known}


def _read(batch: Any, workshop: Workshop) -> pa.Table:
    """A group of prompts of a part."""
    (part,), (group,) = batch["part"], batch["group"]
    return parquet.ParquetFile(workshop.asking(int(part))).read_row_group(int(group))


def _asked(row: dict[str, Any], sampling: dict[str, Any]) -> dict[str, Any]:
    structured = {"structured_outputs": {"json": row["schema"]}}
    return {
        "tokenized_prompt": [int(token) for token in row["tokens"]],
        "sampling_params": {**sampling, "max_tokens": int(row["max_tokens"]), **structured},
    }


def _answered(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "part": row["part"], "row": row["row"], "step": row["step"], "text": row["generated_text"],
        "finish": "length" if row["num_generated_tokens"] >= row["max_tokens"] else "stop",
        "prompt_tokens": row["num_input_tokens"], "completion_tokens": row["num_generated_tokens"],
        "ended_s": time.time(), "took_s": row["time_taken_llm"],
    }  # fmt: skip


def _keep(batch: pa.Table, workshop: Workshop, source: str, number: int) -> dict[str, list[int]]:
    """Write answers to the files of their parts."""
    by_part: dict[int, list[Record]] = defaultdict(list)
    failed = 0
    for one in batch.to_pylist():
        why = one.get("__inference_error__") or ""
        failed += bool(why)
        text = "" if why else one["text"]
        by_part[one["part"]].append(
            Record(
                one["row"], one["step"], number, text, one.get("finish") or "", one.get("prompt_tokens") or 0,
                one.get("completion_tokens") or 0, thinking_tokens(source, text), why[:300],
                one.get("ended_s") or time.time(), max(one.get("took_s") or 0.0, 0.0),
            )
        )  # fmt: skip
    for part, records in by_part.items():
        write_records(workshop.answers(part), records)
    return {"answered": [batch.num_rows - failed], "failed": [failed]}
