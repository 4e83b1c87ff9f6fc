/** Numbers as people read them. */

const whole = new Intl.NumberFormat('en')
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 })

const relative = new Intl.RelativeTimeFormat('en')

/** `12,345`. */
export const count = (value: number): string => whole.format(Math.round(value))

/** `4.39M`. */
export const short = (value: number): string => compact.format(value)

/** `86.4%`. */
export const percent = (share: number): string => `${(share * 100).toFixed(1)}%`

/** A loss or a metric: four significant digits, or what it is where it is no number. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'not a number' : 'infinite'
  return Math.abs(value) >= 1e-3 || value === 0 ? value.toFixed(Math.abs(value) < 10 ? 4 : 1) : value.toExponential(2)
}

/** `3.4 MB`, `39 MB`, in powers of 1000 as file managers show them. */
export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB']
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, value)) / 3)))
  const scaled = value / 1000 ** power
  return `${scaled.toFixed(power > 0 && scaled < 10 ? 1 : 0)} ${units[power]}`
}

/** `45 s`, `3:05`, `1:02:03`. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–'
  const total = Math.max(0, Math.round(seconds))
  if (total < 60) return `${total} s`
  const [hours, minutes, rest] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60]
  const two = (value: number): string => String(value).padStart(2, '0')
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`
}

/** `3 minutes ago`. */
export function ago(when: Date): string {
  const seconds = (when.getTime() - Date.now()) / 1000
  const units = [['day', 86_400], ['hour', 3600], ['minute', 60]] as const
  const unit = units.find(([, length]) => -seconds >= length)
  return unit ? relative.format(Math.round(seconds / unit[1]), unit[0]) : 'a moment ago'
}

/** The name of a metric in words: `eval_accuracy` is `Accuracy`. */
export function metricName(key: string): string {
  const words = key.replace(/^eval_/, '').replaceAll('_', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}
