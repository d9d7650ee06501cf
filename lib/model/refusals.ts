/** Step 1 of the road: what to say of a file that is no readable ONNX model. */

import { SlipwayError } from '../errors.js';
import type { WireFault } from './wire.js';

/** What a file's first bytes give away, and what to do then. */
const kinds: readonly { readonly is: (head: Buffer) => boolean; readonly says: string }[] = [
  { is: starts('version https://git-lfs'), says: "a Git LFS pointer, not the model itself. Run 'git lfs pull'" },
  {
    is: starts('PK\x03\x04'),
    says: 'a zip archive, such as a PyTorch checkpoint. Export the model with torch.onnx.export',
  },
  { is: starts('\x89HDF'), says: 'an HDF5 file, such as a Keras model. Convert it to ONNX with tf2onnx' },
  { is: starts('TFL3', 4), says: 'a TensorFlow Lite model. Convert it to ONNX with tf2onnx' },
  { is: starts('ORTM', 4), says: 'in the ORT format. Give the ONNX model that it was made from' },
  { is: starts('GGUF'), says: 'a GGUF model. Export the original model to ONNX' },
  { is: starts('{"', 8), says: 'a safetensors file: weights without a graph. Export the model to ONNX' },
  { is: starts('\x80\x02'), says: 'a Python pickle. Export the model to ONNX with its own framework' },
  { is: starts('\x80\x03'), says: 'a Python pickle. Export the model to ONNX with its own framework' },
  { is: starts('\x80\x04'), says: 'a Python pickle. Export the model to ONNX with its own framework' },
  { is: starts('\x80\x05'), says: 'a Python pickle. Export the model to ONNX with its own framework' },
  { is: starts('\x93NUMPY'), says: 'a NumPy array. Give the .onnx file; samples go to --data' },
  { is: starts('\x89PNG'), says: 'a PNG image. Give an .onnx file' },
  { is: starts('\xff\xd8\xff'), says: 'a JPEG image. Give an .onnx file' },
  { is: starts('%PDF'), says: 'a PDF document. Give an .onnx file' },
  { is: starts('\x7fELF'), says: 'a program. Give an .onnx file' },
  { is: starts('\x1f\x8b'), says: 'compressed by gzip. Unpack it first' },
  { is: isText, says: 'a text file. Give an .onnx file' },
];

function starts(bytes: string, at = 0): (head: Buffer) => boolean {
  const wanted = Buffer.from(bytes, 'latin1');
  return (head) => head.subarray(at, at + wanted.length).equals(wanted);
}

function isText(head: Buffer): boolean {
  if (head.some((byte) => byte < 0x20 && (byte < 0x09 || byte > 0x0d))) return false;
  try {
    // The head may end within a character.
    new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true });
    return true;
  } catch {
    return false;
  }
}

/** Why a file that was read is no model: what it seems to be, or where it breaks. */
export function notAModel(path: string, head: Buffer, fault: WireFault | null): SlipwayError {
  if (head.length === 0) return new SlipwayError(`'${path}' is empty. Give an .onnx file.`);
  const kind = kinds.find(({ is }) => is(head));
  if (kind !== undefined) return new SlipwayError(`'${path}' is no ONNX model but ${kind.says}.`);
  // Every exporter writes the IR version first: tag 0x08.
  if (fault === null || head[0] !== 0x08) {
    return new SlipwayError(
      `'${path}' is no ONNX model. Give an .onnx file, as torch.onnx.export or skl2onnx write it.`,
    );
  }
  const remedy = 'Copy or download the file again, or export it again.';
  return fault.truncated
    ? new SlipwayError(`'${path}' is cut short: ${fault.message} at byte ${fault.at}. ${remedy}`)
    : new SlipwayError(`'${path}' is damaged: ${fault.message} (at byte ${fault.at}). ${remedy}`);
}
