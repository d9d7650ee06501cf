/** Step 1 of the road: what an ONNX file says of the inputs, outputs and values of a graph. */

import { dtypeOfCode } from './dtypes.js';
import { int, many, message, one, type Read, text } from './message.js';
import { fields } from './onnx-fields.js';
import type { Dim, DType, TensorInfo } from './profile.js';

type TypeInfo = Omit<TensorInfo, 'name'>;

const unknown: TypeInfo = { dtype: 'undefined', shape: null, kind: 'tensor' };

/** Types hold types: the reader of the outer one is not there yet when the inner one is described. */
const innerType: Read<TypeInfo> = (wire, field) => type(wire, field);

const dtype: Read<DType> = (wire, field) => dtypeOfCode(int(wire, field)) ?? 'undefined';

const dimFields = message({
  value: one(fields['TensorShapeProto.Dimension'].dim_value, int),
  name: one(fields['TensorShapeProto.Dimension'].dim_param, text, ''),
});
const dim: Read<Dim> = (wire, field) => {
  const { value, name } = dimFields(wire, field);
  // Old exporters write -1 for a size they do not know; ONNX Runtime reads it so, too.
  if (value !== null && value >= 0) return value;
  return name === '' ? null : name;
};

const shapeFields = message({ dims: many(fields.TensorShapeProto.dim, dim) });
const shape: Read<Dim[]> = (wire, field) => shapeFields(wire, field).dims;

const tensorType = message({
  dtype: one(fields['TypeProto.Tensor'].elem_type, dtype, 'undefined'),
  shape: one(fields['TypeProto.Tensor'].shape, shape),
});
const sparseType = message({
  dtype: one(fields['TypeProto.SparseTensor'].elem_type, dtype, 'undefined'),
  shape: one(fields['TypeProto.SparseTensor'].shape, shape),
});
const sequenceType = message({ element: one(fields['TypeProto.Sequence'].elem_type, innerType, unknown) });
const optionalType = message({ element: one(fields['TypeProto.Optional'].elem_type, innerType, unknown) });
const mapType = message({ element: one(fields['TypeProto.Map'].value_type, innerType, unknown) });

const typeFields = message({
  tensor: one(fields.TypeProto.tensor_type, tensorType),
  sparse: one(fields.TypeProto.sparse_tensor_type, sparseType),
  sequence: one(fields.TypeProto.sequence_type, sequenceType),
  optional: one(fields.TypeProto.optional_type, optionalType),
  map: one(fields.TypeProto.map_type, mapType),
});

/** Containers tell the data type of what they hold; only tensors have a shape. */
const type: Read<TypeInfo> = (wire, field) => {
  const { tensor, sparse, sequence, optional, map } = typeFields(wire, field);
  if (tensor) return { ...tensor, kind: 'tensor' };
  if (sparse) return { ...sparse, kind: 'sparse' };
  if (sequence) return { dtype: sequence.element.dtype, shape: null, kind: 'sequence' };
  if (optional) return { ...optional.element, kind: 'optional' };
  return map ? { dtype: map.element.dtype, shape: null, kind: 'map' } : unknown;
};

const infoFields = message({
  name: one(fields.ValueInfoProto.name, text, ''),
  type: one(fields.ValueInfoProto.type, innerType, unknown),
});

/** A named value: input, output or value in between. */
export const valueInfo: Read<TensorInfo> = (wire, field) => {
  const found = infoFields(wire, field);
  return { name: found.name, ...found.type };
};
