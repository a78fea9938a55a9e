"""The learners on top of the features: boosted trees, or linear models while grades are few."""

from __future__ import annotations

from typing import Any

FEW = 200
"""Below this many graded answers trees over-fit: linear models only."""
_SEEDS = 2


class Head:
    """Predicts a row of class probabilities, or one score in [0, 1], from a row of features."""

    def __init__(self, features: Any, targets: Any) -> None:
        self._columns = targets.shape[1]
        few = len(targets) < FEW
        if self._columns > 1:
            trees = [] if few else [_tree_classes(seed) for seed in range(_SEEDS)]
            self._models = [_linear_classes(), *trees]
            goal = targets.argmax(axis=1)
        else:
            self._models = [_linear_scores()] if few else _tree_scores()
            goal = targets[:, 0]
        for model in self._models:
            model.fit(features, goal)

    def each(self, features: Any) -> Any:
        """Array (models, n, k): every model's prediction; their spread tells doubt."""
        import numpy as np

        if self._columns == 1:
            found = [np.clip(m.predict(features), 0, 1)[:, None] for m in self._models]
            return np.stack(found)
        found = []
        for model in self._models:
            full = np.zeros((len(features), self._columns))
            full[:, model.classes_] = model.predict_proba(features)
            found.append(full)
        return np.stack(found)


def _tree_classes(seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(random_state=seed, **_SHAPE)


_SHAPE: dict[str, Any] = {
    "learning_rate": 0.06,
    "max_iter": 110,
    "max_leaf_nodes": 15,
    "min_samples_leaf": 20,
    "l2_regularization": 5.0,
    "max_features": 0.5,
    "early_stopping": False,
}


def _tree_scores() -> list[Any]:
    """Boosted trees and extremely randomised ones: the latter win while answers are few."""
    from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline

    boosted = [HistGradientBoostingRegressor(random_state=s, **_SHAPE) for s in range(_SEEDS)]
    forest = ExtraTreesRegressor(
        300, min_samples_leaf=3, max_features=0.4, random_state=0, n_jobs=2
    )
    return [*boosted, make_pipeline(SimpleImputer(keep_empty_features=True), forest)]


def _linear_classes() -> Any:
    from sklearn.linear_model import LogisticRegression

    return _scaled(LogisticRegression(C=0.1, max_iter=2000))


def _linear_scores() -> Any:
    from sklearn.linear_model import Ridge

    return _scaled(Ridge(10.0))


def _scaled(model: Any) -> Any:
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler(), model)
