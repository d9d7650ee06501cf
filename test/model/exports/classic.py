"""Classic models of scikit-learn as skl2onnx writes them."""

import numpy as np
import pandas as pd
import skl2onnx
from export import Export, Maker
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType
from sklearn import (
    compose,
    decomposition,
    ensemble,
    linear_model,
    naive_bayes,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    svm,
    tree,
)
from sklearn.base import BaseEstimator

ROWS, COLUMNS = 60, 6


def table() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    x = random.normal(size=(ROWS, COLUMNS)).astype("float32")
    return x, np.digitize(x[:, 0] + x[:, 1] * x[:, 2], [-0.7, 0.7])


def fitted(estimator: BaseEstimator, numbers: bool = False, **options) -> Export:
    """A model fitted to made-up rows: classes, or `numbers` to predict."""
    x, y = table()
    estimator.fit(x, x @ np.arange(COLUMNS) if numbers else y)
    settings = {id(estimator): options} if options else None
    made = skl2onnx.to_onnx(
        estimator, initial_types=[("features", FloatTensorType([None, COLUMNS]))], options=settings, target_opset=18
    )
    return named(made)


def named(made: object) -> Export:
    """skl2onnx leaves the rows open without a name."""
    for info in made.graph.input:
        info.type.tensor_type.shape.dim[0].dim_param = "batch"
    return Export(made, f"skl2onnx {skl2onnx.__version__}", {"batch": 3})


def mixed_columns() -> Export:
    """Text, counts and numbers, each column prepared in its own way."""
    x, y = table()
    frame = pd.DataFrame(
        {"city": np.array(["a", "b", "c"])[y], "visits": (x[:, 0] * 10).astype("int64"), "size": x[:, 1]}
    )
    prepare = compose.ColumnTransformer(
        [
            ("text", preprocessing.OneHotEncoder(handle_unknown="ignore"), ["city"]),
            ("count", preprocessing.KBinsDiscretizer(4, encode="ordinal"), ["visits"]),
            ("number", preprocessing.StandardScaler(), ["size"]),
        ]
    )
    whole = pipeline.make_pipeline(prepare, linear_model.LogisticRegression()).fit(frame, y)
    types = [
        ("city", StringTensorType([None, 1])), ("visits", Int64TensorType([None, 1])),
        ("size", FloatTensorType([None, 1])),
    ]  # fmt: skip
    return named(skl2onnx.to_onnx(whole, initial_types=types, options={id(whole): {"zipmap": False}}, target_opset=18))


CLASSIC: dict[str, Maker] = {
    "forest": lambda: fitted(ensemble.RandomForestClassifier(20, max_depth=4, random_state=0), zipmap=False),
    "forest-zipmap": lambda: fitted(ensemble.RandomForestClassifier(5, max_depth=3, random_state=0)),
    "boosted-regressor": lambda: fitted(
        ensemble.GradientBoostingRegressor(n_estimators=15, random_state=0), numbers=True
    ),
    "tree": lambda: fitted(tree.DecisionTreeRegressor(max_depth=5, random_state=0), numbers=True),
    "logistic": lambda: fitted(linear_model.LogisticRegression(), zipmap=False),
    "linear-regression": lambda: fitted(linear_model.Ridge(), numbers=True),
    "support-vectors": lambda: fitted(svm.SVC(probability=True, random_state=0), zipmap=False),
    "neighbours": lambda: fitted(neighbors.KNeighborsClassifier(3), zipmap=False),
    "naive-bayes": lambda: fitted(naive_bayes.GaussianNB(), zipmap=False),
    "perceptron": lambda: fitted(neural_network.MLPClassifier((12, 8), max_iter=20, random_state=0), zipmap=False),
    "pipeline": lambda: fitted(
        pipeline.make_pipeline(
            preprocessing.StandardScaler(),
            preprocessing.PolynomialFeatures(2),
            decomposition.PCA(4, random_state=0),
            linear_model.LogisticRegression(),
        ),
        zipmap=False,
    ),
    "mixed-columns": mixed_columns,
}
