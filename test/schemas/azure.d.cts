/** Key of the published schema of each type, and the inputs that are parts of the resource's path. */
export declare const azureTypes: Readonly<Record<string, readonly [key: string, ...path: string[]]>>;

export interface AzureMember {
  /** Index into the types. */
  readonly type: number;
  readonly flags?: readonly string[];
}

/** A type of a published schema; the fields that its kind has. */
export interface AzureType {
  readonly kind: 'any' | 'array' | 'boolean' | 'integer' | 'literal' | 'object' | 'oneOf' | 'string' | 'union';
  readonly properties?: Readonly<Record<string, AzureMember>>;
  readonly additionalProperties?: number;
  readonly items?: number;
  readonly of?: readonly number[] | Readonly<Record<string, number>>;
  readonly discriminator?: string;
  readonly value?: string;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minValue?: number;
  readonly maxValue?: number;
}

/** Paths of numbers with decimals. */
export declare const decimal: RegExp;

/** The types of a resource's schema, the members that its inputs may have, and the inputs that are parts of its path. */
export declare function schemaOf(type: string): {
  readonly types: readonly AzureType[];
  readonly properties: Readonly<Record<string, AzureMember>>;
  readonly path: readonly string[];
};

/** What is wrong with inputs by the published schema alone, each problem with its path. */
export declare function azureProblems(type: string, inputs: Readonly<Record<string, unknown>>): readonly string[];
