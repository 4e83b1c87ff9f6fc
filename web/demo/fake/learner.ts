/** A bag of words with one weight a word and label: enough to give a fake training a loss that really falls. */

export class Learner {
  readonly #weights = new Map<string, Float64Array>()
  readonly #bias: Float64Array

  constructor(readonly labels: string[]) {
    this.#bias = new Float64Array(labels.length)
  }

  /** The probability of each label. */
  probabilities(text: string): number[] {
    const logits = Float64Array.from(this.#bias)
    for (const word of words(text)) this.#weights.get(word)?.forEach((weight, label) => (logits[label]! += weight))
    const greatest = Math.max(...logits)
    const powers = Array.from(logits, (logit) => Math.exp(logit - greatest))
    const sum = powers.reduce((sum, power) => sum + power, 0)
    return powers.map((power) => power / sum)
  }

  /** One step of gradient descent on one row; its loss before the step. */
  learn(text: string, label: number, rate: number): number {
    const probabilities = this.probabilities(text)
    for (const word of words(text)) {
      const weights = this.#weights.get(word) ?? new Float64Array(this.labels.length)
      this.#weights.set(word, weights)
      probabilities.forEach((probability, index) => (weights[index]! += rate * (Number(index === label) - probability)))
    }
    return -Math.log(Math.max(probabilities[label] ?? 0, 1e-9))
  }
}

export function words(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? []
}
