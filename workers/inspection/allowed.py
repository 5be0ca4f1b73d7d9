"""What a model may hold and by what it may be loaded: the one list, for the web, the child and the host.

The types that a skops file may hold are written out by hand: the estimators and their parts that run nothing but
arithmetic. No functions, methods, partials or constructors with arguments of the file's choosing.
"""

LOADERS = frozenset({"mlflow.sklearn", "mlflow.lightgbm", "mlflow.onnx"})
"""The loaders that an MLmodel may name. Ours is chosen by the contents; these are for those who download it."""

FLAVORS = frozenset({"python_function", "sklearn", "lightgbm", "onnx"})
"""The flavors that an MLmodel may hold."""

ONNX_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})
"""The operator sets of the ONNX standard."""

ONNX_TYPES = frozenset({1, 6, 7, 8, 9, 11})
"""Element types of inputs that can be fed: float, int32, int64, text, truth value, double."""

LIGHTGBM_VERSIONS = frozenset({"v2", "v3", "v4"})

NODES: dict[str, frozenset[str]] = {
    "JsonNode": frozenset({"builtins.str"}),
    "DictNode": frozenset({"builtins.dict", "collections.OrderedDict"}),
    "DefaultDictNode": frozenset({"collections.defaultdict"}),
    "ListNode": frozenset({"builtins.list"}),
    "TupleNode": frozenset({"builtins.tuple"}),
    "SetNode": frozenset({"builtins.set"}),
    "SliceNode": frozenset({"builtins.slice"}),
    "DTypeNode": frozenset({"numpy.dtype"}),
    "RandomStateNode": frozenset({"numpy.random.mtrand.RandomState"}),
    "RandomGeneratorNode": frozenset({"numpy.random._generator.Generator"}),
    "TreeNode": frozenset({"sklearn.tree._tree.Tree"}),
    "TypeNode": frozenset(
        {
            *(f"builtins.{name}" for name in ("str", "int", "float", "bool", "list", "dict", "tuple", "set")),
            *(f"numpy.{name}" for name in ("str_", "bool", "int8", "int16", "int32", "int64")),
            *(f"numpy.{name}" for name in ("uint8", "uint16", "uint32", "uint64", "float16", "float32")),
            "numpy.float64",
            "collections.OrderedDict",
            "builtins.NoneType",
        }
    ),
    "NdArrayNode": frozenset(
        {
            "numpy.ndarray",
            *(f"numpy.{name}" for name in ("str_", "bool", "int8", "int16", "int32", "int64")),
            *(f"numpy.{name}" for name in ("uint8", "uint16", "uint32", "uint64", "float16", "float32")),
            "numpy.float64",
        }
    ),
    "LossNode": frozenset(
        f"sklearn._loss._loss.Cy{name}"
        for name in (
            "AbsoluteError",
            "ExponentialLoss",
            "HalfBinomialLoss",
            "HalfGammaLoss",
            "HalfMultinomialLoss",
            "HalfPoissonLoss",
            "HalfSquaredError",
            "HuberLoss",
            "PinballLoss",
        )
    ),
    "ObjectNode": frozenset(
        {
            *(
                f"sklearn._loss.link.{name}"
                for name in ("IdentityLink", "LogLink", "LogitLink", "HalfLogitLink", "MultinomialLogit")
            ),
            "sklearn._loss.link.Interval",
            *(
                f"sklearn._loss.loss.{name}"
                for name in (
                    "AbsoluteError",
                    "ExponentialLoss",
                    "HalfBinomialLoss",
                    "HalfGammaLoss",
                    "HalfMultinomialLoss",
                    "HalfPoissonLoss",
                    "HalfSquaredError",
                    "HuberLoss",
                    "PinballLoss",
                )
            ),
            "lightgbm.basic.Booster",
            "lightgbm.sklearn.LGBMClassifier",
            "lightgbm.sklearn.LGBMRanker",
            "lightgbm.sklearn.LGBMRegressor",
            "sklearn.compose._column_transformer.ColumnTransformer",
            "sklearn.compose._column_transformer._RemainderColsList",
            "sklearn.compose._target.TransformedTargetRegressor",
            "sklearn.pipeline.Pipeline",
            "sklearn.pipeline.FeatureUnion",
            "sklearn.dummy.DummyClassifier",
            "sklearn.dummy.DummyRegressor",
            "sklearn.impute._base.SimpleImputer",
            "sklearn.impute._base.MissingIndicator",
            "sklearn.preprocessing._data.StandardScaler",
            "sklearn.preprocessing._data.MinMaxScaler",
            "sklearn.preprocessing._data.MaxAbsScaler",
            "sklearn.preprocessing._data.RobustScaler",
            "sklearn.preprocessing._data.Normalizer",
            "sklearn.preprocessing._data.Binarizer",
            "sklearn.preprocessing._data.PowerTransformer",
            "sklearn.preprocessing._data.QuantileTransformer",
            "sklearn.preprocessing._discretization.KBinsDiscretizer",
            "sklearn.preprocessing._polynomial.PolynomialFeatures",
            "sklearn.preprocessing._encoders.OneHotEncoder",
            "sklearn.preprocessing._encoders.OrdinalEncoder",
            "sklearn.preprocessing._target_encoder.TargetEncoder",
            "sklearn.preprocessing._label.LabelEncoder",
            "sklearn.preprocessing._label.LabelBinarizer",
            "sklearn.decomposition._pca.PCA",
            "sklearn.decomposition._truncated_svd.TruncatedSVD",
            "sklearn.discriminant_analysis.LinearDiscriminantAnalysis",
            "sklearn.discriminant_analysis.QuadraticDiscriminantAnalysis",
            "sklearn.naive_bayes.GaussianNB",
            "sklearn.naive_bayes.BernoulliNB",
            "sklearn.naive_bayes.MultinomialNB",
            "sklearn.naive_bayes.ComplementNB",
            "sklearn.naive_bayes.CategoricalNB",
            "sklearn.linear_model._base.LinearRegression",
            "sklearn.linear_model._bayes.BayesianRidge",
            "sklearn.linear_model._coordinate_descent.ElasticNet",
            "sklearn.linear_model._coordinate_descent.Lasso",
            "sklearn.linear_model._glm.glm.GammaRegressor",
            "sklearn.linear_model._glm.glm.PoissonRegressor",
            "sklearn.linear_model._glm.glm.TweedieRegressor",
            "sklearn.linear_model._huber.HuberRegressor",
            "sklearn.linear_model._logistic.LogisticRegression",
            "sklearn.linear_model._logistic.LogisticRegressionCV",
            "sklearn.linear_model._quantile.QuantileRegressor",
            "sklearn.linear_model._ridge.Ridge",
            "sklearn.linear_model._ridge.RidgeCV",
            "sklearn.linear_model._ridge.RidgeClassifier",
            "sklearn.linear_model._stochastic_gradient.SGDClassifier",
            "sklearn.linear_model._stochastic_gradient.SGDRegressor",
            "sklearn.neural_network._multilayer_perceptron.MLPClassifier",
            "sklearn.neural_network._multilayer_perceptron.MLPRegressor",
            "sklearn.tree._classes.DecisionTreeClassifier",
            "sklearn.tree._classes.DecisionTreeRegressor",
            "sklearn.tree._classes.ExtraTreeClassifier",
            "sklearn.tree._classes.ExtraTreeRegressor",
            "sklearn.ensemble._forest.ExtraTreesClassifier",
            "sklearn.ensemble._forest.ExtraTreesRegressor",
            "sklearn.ensemble._forest.RandomForestClassifier",
            "sklearn.ensemble._forest.RandomForestRegressor",
            "sklearn.ensemble._gb.GradientBoostingClassifier",
            "sklearn.ensemble._gb.GradientBoostingRegressor",
            "sklearn.ensemble._voting.VotingClassifier",
            "sklearn.ensemble._voting.VotingRegressor",
            "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
            "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier",
            "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingRegressor",
            "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
            "sklearn.utils._bunch.Bunch",
        }
    ),
}
"""Loader of a skops node -> the full names of the types that such a node may be."""

PROTOCOL = 2
"""The one version of the skops format that is read: older ones are read by other, weaker code."""

TRUSTED: list[str] = sorted(set().union(*NODES.values()))
"""The same types as one list, for skops' own check, which comes second."""
