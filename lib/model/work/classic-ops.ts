/** Step 1 of the road: models of `ai.onnx.ml`, whose numbers are attributes: trees, linear models, support vectors. */

import type { ShapedNode } from '../shaped.js';
import type { Cost } from './operator-cost.js';
import { elements, intsOf, sizeAt } from './sizes.js';

/** Feature, threshold, both branches and flags of a node, as runtimes keep them. */
const bytesPerTreeNode = 20;

const trees: Cost = {
  kind: 'tree',
  flops: (node) => {
    const forest = forestOf(node);
    // Compare, go on, and at the end add the leaf.
    return forest && rowsOf(node) * forest.trees * (2 * forest.depth + 1);
  },
  tableBytes: (node) => (forestOf(node)?.nodes ?? 0) * bytesPerTreeNode,
};

const linear: Cost = {
  kind: 'tree',
  flops: (node) => multiplied(node, lengthOf(node, 'coefficients')),
  tableBytes: (node) => 4 * (lengthOf(node, 'coefficients') ?? 0),
};

const supportVectors: Cost = {
  kind: 'tree',
  flops: (node) => multiplied(node, lengthOf(node, 'support_vectors') ?? lengthOf(node, 'coefficients')),
  tableBytes: (node) => 4 * (lengthOf(node, 'support_vectors') ?? lengthOf(node, 'coefficients') ?? 0),
};

const perElement: Cost = { kind: 'tree', flops: ({ inputs }) => elements(inputs[0]) };

export const classicOps: Readonly<Record<string, Cost>> = {
  'ai.onnx.ml:TreeEnsemble': trees,
  'ai.onnx.ml:TreeEnsembleClassifier': trees,
  'ai.onnx.ml:TreeEnsembleRegressor': trees,
  'ai.onnx.ml:LinearClassifier': linear,
  'ai.onnx.ml:LinearRegressor': linear,
  'ai.onnx.ml:SVMClassifier': supportVectors,
  'ai.onnx.ml:SVMRegressor': supportVectors,
  'ai.onnx.ml:ArrayFeatureExtractor': perElement,
  'ai.onnx.ml:Binarizer': perElement,
  'ai.onnx.ml:CastMap': perElement,
  'ai.onnx.ml:CategoryMapper': perElement,
  'ai.onnx.ml:DictVectorizer': perElement,
  'ai.onnx.ml:FeatureVectorizer': perElement,
  'ai.onnx.ml:Imputer': perElement,
  'ai.onnx.ml:LabelEncoder': perElement,
  'ai.onnx.ml:Normalizer': perElement,
  'ai.onnx.ml:OneHotEncoder': perElement,
  'ai.onnx.ml:Scaler': perElement,
  'ai.onnx.ml:ZipMap': perElement,
};

function rowsOf({ inputs }: ShapedNode): number {
  return sizeAt(inputs[0], 0);
}

function multiplied(node: ShapedNode, numbers: number | null): number | null {
  return numbers === null ? null : 2 * rowsOf(node) * numbers;
}

/** Numbers in an attribute; null when it is missing or too long to be kept. */
function lengthOf({ node }: ShapedNode, name: string): number | null {
  const found = node.attributes[name];
  return found?.type === 'floats' ? (found.values?.length ?? null) : null;
}

/** In place of a child: no comparison follows. */
const leaf = -1;

interface Forest {
  readonly nodes: number;
  readonly trees: number;
  /** Comparisons to a leaf: the mean over all leaves. */
  readonly depth: number;
}

/** What the attributes say of the trees; null when they are too long to be kept. */
function forestOf(node: ShapedNode): Forest | null {
  const roots = intsOf(node, 'tree_roots');
  return roots ? rootedForest(node, roots) : numberedForest(node);
}

/** Since version 5 of the domain: children are indices, of leaves where `nodes_trueleafs` and `nodes_falseleafs` say so. */
function rootedForest(node: ShapedNode, roots: readonly number[]): Forest | null {
  const [yes, no] = [intsOf(node, 'nodes_truenodeids'), intsOf(node, 'nodes_falsenodeids')];
  const [yesLeaf, noLeaf] = [intsOf(node, 'nodes_trueleafs'), intsOf(node, 'nodes_falseleafs')];
  if (!yes || !no || !yesLeaf || !noLeaf) return null;
  return measured(yes.length, roots, (at) => [yesLeaf[at] ? leaf : yes[at]!, noLeaf[at] ? leaf : no[at]!]);
}

/** Before: every node has the number of its tree and its own number in it, which its parent names. */
function numberedForest(node: ShapedNode): Forest | null {
  const [tree, own] = [intsOf(node, 'nodes_treeids'), intsOf(node, 'nodes_nodeids')];
  const [yes, no] = [intsOf(node, 'nodes_truenodeids'), intsOf(node, 'nodes_falsenodeids')];
  const modes = node.node.attributes.nodes_modes;
  if (!tree || !own || !yes || !no || modes?.type !== 'strings' || !modes.values) return null;
  const { values } = modes;
  const places = new Map(own.map((id, at) => [`${tree[at]}/${id}`, at]));
  const roots = new Map<number, number>();
  for (const [at, id] of tree.entries()) if (!roots.has(id)) roots.set(id, at);
  const child = (at: number, id: number | undefined) => {
    const place = places.get(`${tree[at]}/${id}`) ?? leaf;
    return values[place] === 'LEAF' ? leaf : place;
  };
  return measured(own.length, [...roots.values()], (at) => [child(at, yes[at]), child(at, no[at])]);
}

/** Walks down from the roots; a child out of range is a leaf, and no node is visited twice. */
function measured(
  nodes: number,
  roots: readonly number[],
  children: (node: number) => readonly [number, number],
): Forest {
  const seen = new Set(roots);
  let level = [...seen].filter((root) => root >= 0 && root < nodes);
  let [leaves, comparisons] = [0, 0];
  for (let depth = 1; level.length > 0; depth += 1) {
    const next: number[] = [];
    for (const parent of level) {
      for (const child of children(parent)) {
        const inner = child >= 0 && child < nodes && !seen.has(child);
        if (inner) {
          seen.add(child);
          next.push(child);
        } else {
          leaves += 1;
          comparisons += depth;
        }
      }
    }
    level = next;
  }
  return { nodes, trees: roots.length, depth: leaves === 0 ? 0 : comparisons / leaves };
}
