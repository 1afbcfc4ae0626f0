type Numbers = Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Float64Array<ArrayBuffer>

/** An array of numbers that grows. */
export class Column<T extends Numbers> {
  length = 0
  #numbers: T

  constructor (readonly make: (length: number) => T) {
    this.#numbers = make(16)
  }

  push (number: number): void {
    if (this.length === this.#numbers.length) {
      const larger = this.make(this.length * 2)
      larger.set(this.#numbers as never)
      this.#numbers = larger
    }
    this.#numbers[this.length++] = number
  }

  get (at: number): number {
    return this.#numbers[at]!
  }

  /** What was pushed, in an array of just that length. */
  take (): T {
    return this.#numbers.slice(0, this.length) as T
  }
}

export const uint16Column = (): Column<Uint16Array<ArrayBuffer>> => new Column((length) => new Uint16Array(length))
export const uint32Column = (): Column<Uint32Array<ArrayBuffer>> => new Column((length) => new Uint32Array(length))
export const float64Column = (): Column<Float64Array<ArrayBuffer>> => new Column((length) => new Float64Array(length))
