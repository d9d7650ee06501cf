/** Without the marks of secrets, at every depth. */
export declare function plain<Value>(value: Value): Value;
