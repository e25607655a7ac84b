/** Symmetric matrices of some hundred rows, dense and row by row: what standard errors are made of. */

/**
 * Turns the lower half of a positive definite matrix into its factor L with L Lᵀ = matrix (Cholesky). The upper half stays as it was and means nothing.
 *
 * @returns false where it is not positive definite, or so nearly that a pivot is lost in rounding
 */
export function factorise(matrix: Float64Array, size: number): boolean {
  for (let row = 0; row < size; row++) {
    const start = row * size;
    for (let column = 0; column < row; column++) {
      const rest = (matrix[start + column] as number) - dot(matrix, start, matrix, column * size, column);
      matrix[start + column] = rest / (matrix[column * size + column] as number);
    }
    const whole = matrix[start + row] as number;
    const pivot = whole - dot(matrix, start, matrix, start, row);
    if (!(pivot > 1e-14 * whole)) return false;
    matrix[start + row] = Math.sqrt(pivot);
  }
  return true;
}

/** Solves L Lᵀ x = values, in place. */
export function solve(factor: Float64Array, size: number, values: Float64Array): void {
  for (let row = 0; row < size; row++) {
    const start = row * size;
    let value = values[row] as number;
    for (let at = 0; at < row; at++) value -= (factor[start + at] as number) * (values[at] as number);
    values[row] = value / (factor[start + row] as number);
  }
  for (let row = size - 1; row >= 0; row--) {
    const start = row * size;
    const value = (values[row] as number) / (factor[start + row] as number);
    values[row] = value;
    for (let at = 0; at < row; at++) {
      values[at] = (values[at] as number) - (factor[start + at] as number) * value;
    }
  }
}

/** The inverse of L Lᵀ, whole. */
export function inverse(factor: Float64Array, size: number): Float64Array {
  // Rows of it are columns of L⁻¹, so that all sums run along rows.
  const columns = new Float64Array(size * size);
  for (let column = 0; column < size; column++) {
    const start = column * size;
    columns[start + column] = 1 / (factor[start + column] as number);
    for (let row = column + 1; row < size; row++) {
      const sum = dot(factor, row * size + column, columns, start + column, row - column);
      columns[start + row] = -sum / (factor[row * size + row] as number);
    }
  }
  const whole = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column <= row; column++) {
      const sum = dot(columns, row * size + row, columns, column * size + row, size - row);
      whole[row * size + column] = sum;
      whole[column * size + row] = sum;
    }
  }
  return whole;
}

/** Of two stretches of numbers. Four sums at once keep a processor busy that would wait for one. */
function dot(one: Float64Array, oneAt: number, other: Float64Array, otherAt: number, length: number): number {
  let [a, b, c, d] = [0, 0, 0, 0];
  let at = 0;
  for (; at + 3 < length; at += 4) {
    const [here, there] = [oneAt + at, otherAt + at];
    a += (one[here] as number) * (other[there] as number);
    b += (one[here + 1] as number) * (other[there + 1] as number);
    c += (one[here + 2] as number) * (other[there + 2] as number);
    d += (one[here + 3] as number) * (other[there + 3] as number);
  }
  for (; at < length; at++) a += (one[oneAt + at] as number) * (other[otherAt + at] as number);
  return a + b + (c + d);
}
