"""What a screen draws of a running training: the newest run's points, whole lines only."""

import os

from engine.train import TrainingPoint, training_log


def point(step, **more):
    values = {"step": step, "epoch": 0.1, "loss": 2.0, "learning_rate": 1e-3}
    return TrainingPoint(**values, tokens_per_second=500.0, eta_seconds=9.0, **more)


def test_the_newest_runs_points_without_torn_or_foreign_lines(tmp_path):
    assert training_log(tmp_path) == []
    for age, name in ((100, "new"), (200, "old")):
        folder = tmp_path / name
        folder.mkdir()
        rows = [point(1), point(2, val_loss=1.5 if name == "new" else 9.0)]
        text = "".join(row.model_dump_json() + "\n" for row in rows)
        (folder / "progress.jsonl").write_text(text + '{"other": 1}\n{"step": 3, "lo')
        os.utime(folder / "progress.jsonl", (1e9 - age, 1e9 - age))
    assert [(row.step, row.val_loss) for row in training_log(tmp_path)] == [(1, None), (2, 1.5)]
