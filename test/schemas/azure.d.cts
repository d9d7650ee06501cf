/** Key of the published schema of each type, and the inputs that are parts of the resource's path. */
export declare const azureTypes: Readonly<Record<string, readonly [key: string, ...path: string[]]>>;
