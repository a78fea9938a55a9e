"""What OpenVINO's precision settings do to a small model's answers and speed.

    python tests/bench/precision.py --gguf SmolLM2-135M-Instruct.Q8_0.gguf

For each setting: greedy answers that are the same asked alone and in one batch, and the seconds of
the batch, in turns so that the machine's mood is shared.
"""

import argparse
import statistics
import time
from pathlib import Path

QUESTIONS = [
    *["What is the capital of France?"] * 13,
    *["Why is the sky blue?", "What is a list in Python?", "Name three fruits."] * 5,
]
F32 = {"INFERENCE_PRECISION_HINT": "f32"}
SETTINGS = {
    "default": {},
    "f32": F32,
    "f32, plain activations": F32 | {"DYNAMIC_QUANTIZATION_GROUP_SIZE": "0"},
}


def main() -> None:
    import openvino_genai

    parser = argparse.ArgumentParser()
    parser.add_argument("--gguf", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    pipes = {}
    for name, options in SETTINGS.items():
        scheduler = openvino_genai.SchedulerConfig()
        scheduler.cache_size, scheduler.max_num_seqs = 1, 32
        pipes[name] = openvino_genai.ContinuousBatchingPipeline(
            str(given.gguf), scheduler, "CPU", options
        )
    seconds: dict[str, list[float]] = {name: [] for name in pipes}
    for _ in range(given.rounds):
        for name, pipe in pipes.items():
            config = pipe.get_config()
            config.max_new_tokens, config.do_sample = 60, False
            alone = {q: answer(pipe.generate([q], [config])[0]) for q in set(QUESTIONS)}
            began = time.perf_counter()
            found = pipe.generate(QUESTIONS, [config] * len(QUESTIONS))
            seconds[name].append(time.perf_counter() - began)
            same = sum(answer(f) == alone[q] for f, q in zip(found, QUESTIONS, strict=True))
            print(f"{name}: {same} of {len(QUESTIONS)} alike; {alone[QUESTIONS[0]][:40]!r}")
    for name, own in seconds.items():
        print(f"{name}: median {statistics.median(own):.2f} s")


def answer(result: object) -> str:
    return str(result.m_generation_ids[0])


if __name__ == "__main__":
    main()
