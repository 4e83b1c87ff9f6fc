/** A value that the program gave as JSON. */
export function parsed<T>(text: string): T {
  return JSON.parse(text) as T;
}

/** Without the fields that say nothing. */
export function withoutNulls<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== null)) as T;
}

/** JSON has no numbers that are not finite. */
export function numbers(metrics: Record<string, number | null>): Record<string, number> {
  return Object.fromEntries(Object.entries(metrics).map(([name, value]) => [name, value ?? NaN]));
}
