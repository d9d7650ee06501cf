/** A type as the SDK declares it; one of these. */
export interface DeclaredType {
  readonly name?: string;
  readonly literal?: string;
  readonly list?: DeclaredType;
  readonly map?: DeclaredType;
  readonly union?: readonly DeclaredType[];
}

export type DeclaredMembers = ReadonlyMap<string, { readonly required: boolean; readonly type: DeclaredType }>;

/** The arguments of a resource, `gcp:cloudrunv2/service:Service`. */
export declare function argumentsOf(type: string): DeclaredMembers;

/** The file that declares a resource. */
export declare function fileOf(type: string): string;

/** An interface of a package's inputs, `inputs.app.TemplateArgs`. */
export declare function interfaceOf(pack: string, name: string): DeclaredMembers;
