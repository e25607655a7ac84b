/** Symmetric matrices of some hundred rows, dense and row by row: what Newton's steps and standard errors are made of. */

/**
 * Turns the lower half of a positive definite matrix into its factor L with L Lᵀ = matrix (Cholesky). The upper half stays as it was and means nothing.
 *
 * @returns false where it is not positive definite, or so nearly that a pivot is lost in rounding
 */
export function factorise(matrix: Float64Array, size: number): boolean {
  for (let row = 0; row < size; row++) {
    const start = row * size;
    for (let column = 0; column < row; column++) {
      const rest = (matrix[start + column] as number) - dot(matrix, start, column * size, column);
      matrix[start + column] = rest / (matrix[column * size + column] as number);
    }
    const whole = matrix[start + row] as number;
    const pivot = whole - dot(matrix, start, start, row);
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
      let sum = 0;
      for (let at = column; at < row; at++) {
        sum += (factor[row * size + at] as number) * (columns[start + at] as number);
      }
      columns[start + row] = -sum / (factor[row * size + row] as number);
    }
  }
  const whole = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column <= row; column++) {
      let sum = 0;
      for (let at = row; at < size; at++) {
        sum += (columns[row * size + at] as number) * (columns[column * size + at] as number);
      }
      whole[row * size + column] = sum;
      whole[column * size + row] = sum;
    }
  }
  return whole;
}

function dot(matrix: Float64Array, one: number, other: number, length: number): number {
  let sum = 0;
  for (let at = 0; at < length; at++) {
    sum += (matrix[one + at] as number) * (matrix[other + at] as number);
  }
  return sum;
}
