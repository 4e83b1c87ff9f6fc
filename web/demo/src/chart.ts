/** The live chart: loss on the left axis, a metric on the right, over the steps of the whole run. */

import { Axis, digitsOf, means, path, ticks } from './axis'
import type { Point } from './axis'
import { element, shape } from './elements'
import type { Progress } from './progress'
import { count, figure, metricName, percent } from './quantities'

const MARGIN = { top: 14, right: 46, bottom: 30, left: 46 }
const MOST_POINTS = 400

/** Draws into `host`, at most once a frame, only when something changed. */
export class Chart {
  readonly #svg = shape('svg', { role: 'img', class: 'chart-drawing' })
  readonly #readout = element('div', { className: 'readout', hidden: true })
  readonly #legend = element('p', { className: 'legend', ariaHidden: 'true' })
  #progress: Progress | null = null
  #pointer: number | null = null
  #due = false
  #width = 0
  #height = 0

  constructor(host: HTMLElement) {
    const frame = element('div', { className: 'chart-frame' })
    frame.append(this.#svg, this.#readout)
    host.append(this.#legend, frame)
    new ResizeObserver(([entry]) => {
      if (!entry) return
      this.#width = entry.contentRect.width
      this.#height = entry.contentRect.height
      this.#request()
    }).observe(frame)
    frame.addEventListener('pointermove', (event) => this.#point(event.clientX - frame.getBoundingClientRect().left))
    frame.addEventListener('pointerleave', () => this.#point(null))
    this.#request()
  }

  show(progress: Progress): void {
    this.#progress = progress
    this.#request()
  }

  #point(place: number | null): void {
    this.#pointer = place
    this.#request()
  }

  #request(): void {
    if (this.#due) return
    this.#due = true
    requestAnimationFrame(() => {
      this.#due = false
      if (this.#width > 0) this.#draw()
    })
  }

  #draw(): void {
    const progress = this.#progress
    const buckets = Math.min(MOST_POINTS, Math.max(60, this.#width / 2))
    const raw = means(progress?.losses ?? [], buckets)
    const smooth = means(progress?.smoothed ?? [], buckets)
    // Single batches may stand out of the chart, their average never.
    const lossTicks = ticks(Math.max(0.8, ...smooth.map(({ y }) => y * 1.05)), 4)
    const x = new Axis(0, Math.max(1, progress?.total ?? 100), MARGIN.left, this.#width - MARGIN.right)
    const y = new Axis(0, lossTicks.at(-1) ?? 1, this.#height - MARGIN.bottom, MARGIN.top)
    const metric = new Axis(0, 1, y.start, y.end)

    this.#svg.setAttribute('viewBox', `0 0 ${this.#width} ${this.#height}`)
    this.#svg.replaceChildren(...this.#frame(x, y, lossTicks))
    if (progress && raw.length > 0) this.#svg.append(...curves(progress, raw, smooth, x, y, metric))
    this.#svg.append(...this.#crosshair(x))
    this.#describe(progress)
  }

  /** Grid, ticks and their numbers. */
  #frame(x: Axis, y: Axis, lossTicks: number[]): SVGElement[] {
    const shapes: SVGElement[] = []
    const text = (place: Point, anchor: string, content: string, className = 'tick'): void => {
      const node = shape('text', { x: place.x, y: place.y, 'text-anchor': anchor, class: className })
      node.textContent = content
      shapes.push(node)
    }
    const digits = digitsOf(lossTicks[1] ?? 1)
    for (const [index, tick] of lossTicks.entries()) {
      const place = y.place(tick)
      shapes.push(shape('line', { x1: x.start, x2: x.end, y1: place, y2: place, class: index === 0 ? 'axis' : 'grid' }))
      text({ x: x.start - 8, y: place + 4 }, 'end', tick.toFixed(digits), 'tick loss')
      const share = index / (lossTicks.length - 1)
      if (this.#progress?.metric) text({ x: x.end + 8, y: place + 4 }, 'start', `${Math.round(share * 100)}%`, 'tick metric')
    }
    if (!this.#progress?.total) {
      text({ x: (x.start + x.end) / 2, y: y.place(0.5) + 5 }, 'middle', 'Loss and accuracy appear here.', 'empty')
      return shapes
    }
    const steps = ticks(x.to, this.#width < 480 ? 3 : 6).filter((tick) => tick > 0 && x.place(tick) < x.end - 40 && Number.isInteger(tick))
    for (const tick of steps) text({ x: x.place(tick), y: y.start + 18 }, 'middle', count(tick))
    text({ x: x.start, y: y.start + 18 }, 'start', 'Step 0')
    text({ x: x.end, y: y.start + 18 }, 'end', count(x.to))
    shapes.push(...this.#epochs(x, y))
    return shapes
  }

  /** A dashed line where an epoch ends. */
  #epochs(x: Axis, y: Axis): SVGElement[] {
    const { step, epoch, total } = this.#progress ?? { step: 0, epoch: 0, total: 0 }
    const size = epoch > 0 ? step / epoch : 0
    if (step < 5 || size < 1 || total / size > 20) return []
    const ends = Array.from({ length: Math.ceil(total / size - 1e-6) - 1 }, (_, index) => (index + 1) * size)
    return ends.map((end) => shape('line', { x1: x.place(end), x2: x.place(end), y1: y.start, y2: y.end, class: 'epoch' }))
  }

  /** A line at the pointer, and what was there. */
  #crosshair(x: Axis): SVGElement[] {
    const progress = this.#progress
    this.#readout.hidden = true
    if (this.#pointer === null || !progress || progress.step === 0) return []
    const step = Math.round(Math.min(Math.max(x.value(this.#pointer), 1), progress.step))
    const evaluation = progress.evaluations.findLast((evaluation) => evaluation.step <= step)
    const lines = [`Step ${count(step)}`, `Loss ${figure(progress.smoothed[step - 1] ?? Number.NaN)}`]
    if (evaluation && progress.metric) lines.push(`${metricName(progress.metric)} ${percent(evaluation.value)}`)
    const place = x.place(step)
    this.#readout.replaceChildren(...lines.map((line) => element('span', {}, line)))
    this.#readout.style.insetInlineStart = `${place}px`
    this.#readout.classList.toggle('before', place > this.#width / 2)
    this.#readout.hidden = false
    return [shape('line', { x1: place, x2: place, y1: MARGIN.top, y2: this.#height - MARGIN.bottom, class: 'crosshair' })]
  }

  #describe(progress: Progress | null): void {
    const legend = progress ? [element('span', { className: 'key loss' }, 'Loss')] : []
    if (progress?.metric) legend.push(element('span', { className: 'key metric' }, `${metricName(progress.metric)} on the validation table`))
    this.#legend.replaceChildren(...legend)
    this.#svg.setAttribute('aria-label', summary(progress))
  }
}

function curves(progress: Progress, raw: Point[], smooth: Point[], x: Axis, y: Axis, metric: Axis): SVGElement[] {
  const placed = (points: Point[], axis: Axis): Point[] => points.map((point) => ({ x: x.place(point.x), y: axis.place(point.y) }))
  const line = placed(smooth, y)
  const inside = raw.map(({ x, y: loss }) => ({ x, y: Math.min(loss, y.to) }))
  const shapes: SVGElement[] = [
    shape('path', { d: `${path(line)}V${y.start}H${line[0]?.x ?? 0}Z`, class: 'area' }),
    shape('path', { d: path(placed(inside, y)), class: 'curve raw' }),
    shape('path', { d: path(line), class: 'curve loss' }),
  ]
  const head = line.at(-1)
  if (head) shapes.push(shape('circle', { cx: head.x, cy: head.y, r: 4, class: 'head' }))
  const points = placed(progress.evaluations.map(({ step, value }) => ({ x: step, y: value })), metric)
  shapes.push(shape('path', { d: path(points), class: 'curve metric' }))
  shapes.push(...points.map(({ x, y }) => shape('circle', { cx: x, cy: y, r: 3.5, class: 'point' })))
  return shapes
}

/** The chart in one sentence, for those who do not see it. */
function summary(progress: Progress | null): string {
  if (!progress || progress.loss === null) return 'Chart of loss over steps; there are no values yet.'
  const parts = [`Step ${count(progress.step)} of ${count(progress.total)}`, `loss from ${figure(progress.losses.find((loss) => loss !== undefined) ?? 0)} to ${figure(progress.loss)}`]
  if (progress.metric && progress.latest !== null) parts.push(`${metricName(progress.metric).toLowerCase()} ${percent(progress.latest)}`)
  return `Chart. ${parts.join(', ')}.`
}
