"""A process of its own that lets vLLM write with a model's folder and prints what a token took, by how many at once.

`python -m tests.llm.written_tokens FOLDER PROMPT_TOKENS WRITTEN_TOKENS BATCH…`; the weights are the engine's dummies.
"""

from __future__ import annotations

import json
import sys
from time import perf_counter
from typing import Any

RESULT = "written-tokens "
"""What the line with the result begins with; JSON follows."""


def main(folder: str, prompt: int, written: int, batches: list[int]) -> None:
    from vllm import LLM, SamplingParams

    engine: Any = LLM(
        model=folder, load_format="dummy", dtype="bfloat16", enforce_eager=True, max_model_len=2048,
        max_num_seqs=max(batches), enable_prefix_caching=False,
    )  # fmt: skip

    def took_s(batch: int, tokens: int, offset: int) -> float:
        prompts = [
            {"prompt_token_ids": [5 + (offset + row + place) % 900 for place in range(prompt)]} for row in range(batch)
        ]
        sampling = SamplingParams(max_tokens=tokens, ignore_eos=True, temperature=0.0)
        began = perf_counter()
        answers = engine.generate(prompts, sampling, use_tqdm=False)
        took = perf_counter() - began
        assert all(len(answer.outputs[0].token_ids) == tokens for answer in answers)
        return took

    def token_s(batch: int) -> float:
        """The time of the prompts is in both, and goes out of the difference."""
        long, short = (min(took_s(batch, tokens, 7 * turn) for turn in range(3)) for tokens in (written, 1))
        return (long - short) / (written - 1)

    took_s(1, 4, 0)
    print(RESULT + json.dumps({str(batch): token_s(batch) for batch in batches}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), [int(batch) for batch in sys.argv[4:]])
