/** Step 1 of the road: the members of an `.npz` file, each read only as far as it is needed. */

import { constants, inflateRawSync } from 'node:zlib';
import { type Entry, fromRandomAccessReader, getFileNameLowLevel, RandomAccessReader, type ZipFile } from 'yauzl';
import { SlipwayError } from '../errors.js';
import { type OpenFile, readAt } from './regular-file.js';

/** Bytes that can be read from any place. */
export interface ByteSource {
  /** How many there are. */
  readonly bytes: number;
  /** Fewer than `length` bytes only at the end. */
  read(start: number, length: number): Buffer;
}

/** One file in the archive. */
export interface Member extends ByteSource {
  readonly name: string;
}

/** An open file as it is. */
export function bytesOf(file: OpenFile): ByteSource {
  return {
    bytes: file.size,
    read(start, length) {
      const buffer = Buffer.alloc(Math.max(0, Math.min(length, file.size - start)));
      return buffer.subarray(0, readAt(file, buffer, start));
    },
  };
}

/** Answers at once, so that the archive is read before the call returns: constructs cannot wait for their samples. */
class SyncReader extends RandomAccessReader {
  constructor(private readonly file: OpenFile) {
    super();
  }

  override read(buffer: Buffer, offset: number, length: number, position: number, done: ReadDone): void {
    done(null, readAt(this.file, buffer.subarray(offset, offset + length), position));
  }

  override _readStreamForRange(): never {
    throw new Error('members are read in ranges, not as streams');
  }
}

type ReadDone = (error: Error | null, bytesRead: number) => void;

/**
 * The members of a zip archive. Throws `SlipwayError` when the file is no archive, is damaged, or is packed in an unusual way.
 *
 * @param path - for messages
 */
export function zipMembers(path: string, file: OpenFile): Member[] {
  try {
    const zip = openZip(file);
    return Array.from({ length: zip.entryCount }, () => member(path, file, zip, nextEntry(zip)));
  } catch (error) {
    if (error instanceof SlipwayError) throw error;
    throw new SlipwayError(`'${path}' is damaged: ${(error as Error).message}. Save it again with np.savez.`);
  }
}

function openZip(file: OpenFile): ZipFile {
  let opened: ZipFile | undefined;
  // Names are decoded here, since yauzl refuses those that would be unsafe to unpack and we unpack nothing.
  const options = { lazyEntries: true, autoClose: false, decodeStrings: false };
  fromRandomAccessReader(new SyncReader(file), file.size, options, (error, zip) => {
    if (error) throw error;
    opened = zip;
  });
  if (opened === undefined) throw new Error('its directory cannot be read');
  // Where yauzl does not answer at once, it is given up; what it says later must not end the process.
  return opened.on('error', () => {});
}

function nextEntry(zip: ZipFile): Entry {
  let entry: Entry | undefined;
  const failed = (error: Error): never => {
    throw error;
  };
  zip.once('error', failed);
  zip.once('entry', (found: Entry) => {
    entry = found;
  });
  zip.readEntry();
  zip.off('error', failed);
  if (entry === undefined) throw new Error('its directory names a file without a name');
  return entry;
}

function member(path: string, file: OpenFile, zip: ZipFile, entry: Entry): Member {
  const name = getFileNameLowLevel(entry.generalPurposeBitFlag, entry.fileNameRaw, entry.extraFields, true);
  if (!entry.canDecodeFileData()) {
    throw new SlipwayError(
      `'${name}' in '${path}' is encrypted or packed in an unusual way. Save it again with np.savez.`,
    );
  }
  const start = dataStart(zip, entry);
  const stored: ByteSource = {
    bytes: entry.compressedSize,
    read: (from, length) => bytesOf({ ...file, size: start + entry.compressedSize }).read(start + from, length),
  };
  if (!entry.isCompressed()) return { ...stored, name };
  const packed = inflated(stored, entry.uncompressedSize);
  return { ...packed, name, read: (from, length) => undamaged(path, name, () => packed.read(from, length)) };
}

function undamaged<T>(path: string, name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new SlipwayError(
      `'${name}' in '${path}' is damaged: ${(error as Error).message}. Save it again with np.savez.`,
    );
  }
}

function dataStart(zip: ZipFile, entry: Entry): number {
  let start = -1;
  zip.readLocalFileHeader(entry, { minimal: true }, (error, header) => {
    if (error) throw error;
    start = header.fileDataStart;
  });
  return start;
}

const FIRST_CHUNK = 4 << 10;

/** Unpacks from the start to the last byte wanted, taking in twice as much until that is enough. */
function inflated(stored: ByteSource, bytes: number): ByteSource {
  const unpack = (chunk: number, end: number): Buffer => {
    const head = inflateRawSync(stored.read(0, chunk), { finishFlush: constants.Z_SYNC_FLUSH });
    return head.length >= end || chunk >= stored.bytes ? head : unpack(2 * chunk, end);
  };
  return { bytes, read: (start, length) => unpack(FIRST_CHUNK, start + length).subarray(start, start + length) };
}
