import type { Type } from 'protobufjs';

/** A message type of one of Google's packages. */
export declare function messageOf(name: string, pack: string): Type;

/** Fields, by full name, that are lists for Google and a single thing for the provider. */
export declare const single: ReadonlySet<string>;

/** What is wrong with a message in its JSON form, each problem with its path. */
export declare function messageProblems(
  type: Type,
  value: Readonly<Record<string, unknown>>,
  at: string,
): readonly string[];
