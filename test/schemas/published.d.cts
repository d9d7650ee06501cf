/** What is wrong with the inputs of a resource, each problem with its path. */
export declare function publishedProblems(type: string, inputs: Readonly<Record<string, unknown>>): readonly string[];
