/** Step 1 of the road: the shape rules of all operators, by `Op` or `domain:Op`. */

import { attentions } from './attention.js';
import { contributed } from './contributed.js';
import { controlFlow } from './control-flow.js';
import { convolutions } from './convolution.js';
import { elementwise } from './elementwise.js';
import { generators } from './generators.js';
import { images } from './images.js';
import { indexing } from './indexing.js';
import { layout } from './layout.js';
import { classic } from './ml.js';
import { normalizations } from './normalization.js';
import { pieces } from './pieces.js';
import { products } from './products.js';
import { quantized } from './quantized.js';
import { recurrents } from './recurrent.js';
import { reductions } from './reductions.js';
import type { FlowRule, Rule } from './rule.js';
import { sequences } from './sequences.js';
import { signals } from './signal.js';

const subjects = [
  ...[
    attentions,
    classic,
    contributed,
    convolutions,
    elementwise,
    generators,
    images,
    indexing,
    layout,
    normalizations,
  ],
  ...[pieces, products, quantized, recurrents, reductions, sequences, signals],
];

/** Names come from files: a map, unlike an object, has none of its own. */
export const rules: ReadonlyMap<string, Rule> = new Map(subjects.flatMap((subject) => Object.entries(subject)));

export const flowRules: ReadonlyMap<string, FlowRule> = new Map(Object.entries(controlFlow));
