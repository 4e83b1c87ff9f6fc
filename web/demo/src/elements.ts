/** Elements of the page: found by id, or made. */

type Properties<T> = Partial<Omit<T, 'style' | 'dataset'>>

/** The element of this id, which index.html has. */
export function part<T extends HTMLElement>(id: string, kind: new () => T): T {
  const found = document.getElementById(id)
  if (!(found instanceof kind)) throw new Error(`index.html has no ${kind.name} #${id}`)
  return found
}

/** An element with these properties and children. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Properties<HTMLElementTagNameMap[K]> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = Object.assign(document.createElement(tag), properties)
  made.append(...children)
  return made
}

/** An element of SVG with these attributes. */
export function shape<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Record<string, string | number> = {},
): SVGElementTagNameMap[K] {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag)
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value))
  return made
}

/** Pairs of a term and its description. */
export function description(pairs: [string, string][], className = 'facts'): HTMLDListElement {
  const rows = pairs.map(([term, value]) => element('div', {}, element('dt', {}, term), element('dd', {}, value)))
  return element('dl', { className }, ...rows)
}
