/** Step 1 of the road: shapes of classic machine learning: trees, linear models and the preparation of their inputs. */

import type { DType } from '../profile.js';
import { product, size, sum } from './dims.js';
import {
  attribute,
  type Call,
  dims,
  dtype,
  each,
  int,
  ints,
  listLength,
  ofDomain,
  type Rule,
  type Rules,
  text,
} from './rule.js';

/** Rows of the input; a vector is one row. */
function rows(call: Call): number | null {
  const from = dims(call, 0);
  if (from === null) return null;
  return from.length === 1 ? 1 : (from[0] ?? null);
}

/** How many classes the model's labels name. */
function classes(call: Call, ints: string, strings: string): number | null {
  return attribute(call, strings, 'strings')?.values?.length || listLength(call, ints);
}

/** A label for each row, and a score for each class. */
const classifier =
  (ints: string, strings: string): Rule =>
  (call) => {
    const named = attribute(call, strings, 'strings');
    const labels: DType = named !== null && (named.values === null || named.values.length > 0) ? 'string' : 'int64';
    return [
      { dtype: labels, shape: [rows(call)] },
      { dtype: 'float32', shape: [rows(call), classes(call, ints, strings)] },
    ];
  };

/** Scores of an SVM without probabilities: one for each pair of classes. */
const svmClassifier: Rule = (call) => {
  const [labels, scores] = classifier('classlabels_ints', 'classlabels_strings')(call);
  const count = classes(call, 'classlabels_ints', 'classlabels_strings');
  const paired = (listLength(call, 'prob_a') ?? 0) === 0 && (listLength(call, 'vectors_per_class') ?? 0) > 0;
  const pairs = count === null ? null : count > 2 ? (count * (count - 1)) / 2 : count;
  return [labels!, { ...scores!, shape: [rows(call), paired ? pairs : count] }];
};

const regressor =
  (targets: string): Rule =>
  (call) => [{ dtype: 'float32', shape: [rows(call), size(int(call, targets, 1))] }];

const treeEnsemble: Rule = (call) => [{ dtype: dtype(call, 0), shape: [rows(call), size(int(call, 'n_targets', 1))] }];

const asFloats: Rule = (call) => [{ dtype: 'float32', shape: dims(call, 0) }];

const same: Rule = (call) => [{ dtype: dtype(call, 0), shape: dims(call, 0) }];

const oneHotEncoder: Rule = (call) => {
  const from = dims(call, 0);
  const count = listLength(call, 'cats_int64s') || listLength(call, 'cats_strings');
  return [{ dtype: 'float32', shape: from && [...from, count] }];
};

/** The type of what labels become, by the attribute that lists it. */
const labelTypes: readonly (readonly [string, DType])[] = [
  ['values_strings', 'string'],
  ['values_int64s', 'int64'],
  ['values_floats', 'float32'],
];

const labelEncoder: Rule = (call) => {
  const listed = labelTypes.find(([name]) => call.node.attributes[name] !== undefined)?.[1];
  const [tensor] = attribute(call, 'values_tensor', 'tensors')?.values ?? [];
  // The first form of the operator turned text into numbers and numbers into text.
  const turned: DType = dtype(call, 0) === 'string' ? 'int64' : 'string';
  return [{ dtype: listed ?? tensor?.dtype ?? turned, shape: dims(call, 0) }];
};

const categoryMapper: Rule = (call) => [
  { dtype: dtype(call, 0) === 'string' ? 'int64' : 'string', shape: dims(call, 0) },
];

/** Columns picked by their places. */
const featureExtractor: Rule = (call) => {
  const from = dims(call, 0);
  const count = dims(call, 1) && product(dims(call, 1)!);
  if (from === null || from.length === 0) return [{ dtype: dtype(call, 0), shape: null }];
  return [{ dtype: dtype(call, 0), shape: from.length === 1 ? [1, count] : [...from.slice(0, -1), count] }];
};

/** Inputs side by side, as wide as an attribute says. */
const featureVectorizer: Rule = (call) => {
  const widths =
    ints(call, 'inputdimensions') ?? call.inputs.map((input) => (input?.shape ? product(input.shape.slice(1)) : null));
  return [{ dtype: 'float32', shape: [rows(call), size(sum(widths))] }];
};

/** A map from labels to scores for each row. */
const zipMap: Rule = (call) => [{ dtype: dtype(call, 0), shape: null }];

const castTypes: Readonly<Record<string, DType>> = { TO_FLOAT: 'float32', TO_INT64: 'int64', TO_STRING: 'string' };

const castMap: Rule = (call) => {
  const sparse = text(call, 'map_form', 'DENSE') === 'SPARSE';
  return [
    {
      dtype: castTypes[text(call, 'cast_to', 'TO_FLOAT')] ?? 'undefined',
      shape: [1, sparse ? size(int(call, 'max_map', 1)) : null],
    },
  ];
};

const dictVectorizer: Rule = (call) => [
  { dtype: dtype(call, 0), shape: [1, listLength(call, 'string_vocabulary') ?? listLength(call, 'int64_vocabulary')] },
];

export const classic: Rules = ofDomain('ai.onnx.ml', {
  ...each(asFloats, ['Normalizer', 'Scaler']),
  ...each(same, ['Binarizer', 'Imputer']),
  ArrayFeatureExtractor: featureExtractor,
  CastMap: castMap,
  CategoryMapper: categoryMapper,
  DictVectorizer: dictVectorizer,
  FeatureVectorizer: featureVectorizer,
  LabelEncoder: labelEncoder,
  LinearClassifier: classifier('classlabels_ints', 'classlabels_strings'),
  LinearRegressor: regressor('targets'),
  OneHotEncoder: oneHotEncoder,
  SVMClassifier: svmClassifier,
  SVMRegressor: (call) => [{ dtype: 'float32', shape: [rows(call), 1] }],
  TreeEnsemble: treeEnsemble,
  TreeEnsembleClassifier: classifier('classlabels_int64s', 'classlabels_strings'),
  TreeEnsembleRegressor: regressor('n_targets'),
  ZipMap: zipMap,
});
