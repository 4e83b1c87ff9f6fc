/** Axes: from values to places, and where the ticks stand. */

/** The least round number that is at least `value`. */
export function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1e-9)))
  return ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= value * (1 - 1e-9)) ?? 10) * power
}

/** `count` steps of a round size from 0, which reach `most`. */
export function ticks(most: number, count: number): number[] {
  const step = roundUp(most / count)
  return Array.from({ length: count + 1 }, (_, index) => Number((index * step).toPrecision(12)))
}

/** As many digits behind the point as the multiples of `step` need. */
export function digitsOf(step: number): number {
  return Math.max(0, Math.min(6, (String(step).split('.')[1] ?? '').length))
}

/** A linear map of `from..to` onto pixels. */
export class Axis {
  constructor(readonly from: number, readonly to: number, readonly start: number, readonly end: number) {}

  place(value: number): number {
    return this.start + ((value - this.from) / (this.to - this.from || 1)) * (this.end - this.start)
  }

  value(place: number): number {
    return this.from + ((place - this.start) / (this.end - this.start || 1)) * (this.to - this.from)
  }
}

export interface Point {
  x: number
  y: number
}

/** The means of `values` (the value of step n is at n - 1) in at most `buckets` pieces, as points over steps; others than numbers are left out. */
export function means(values: number[], buckets: number): Point[] {
  const size = Math.max(1, Math.ceil(values.length / buckets))
  const points: Point[] = []
  for (let start = 0; start < values.length; start += size) {
    const piece = values.slice(start, start + size).filter(Number.isFinite)
    if (piece.length === 0) continue
    const sum = piece.reduce((sum, value) => sum + value, 0)
    points.push({ x: Math.min(start + (size + 1) / 2, values.length), y: sum / piece.length })
  }
  return points
}

/** The path through the points. */
export function path(points: Point[]): string {
  return points.map(({ x, y }, index) => `${index === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`).join('')
}
